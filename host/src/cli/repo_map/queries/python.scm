; Definitions. Assignments count at the top of a module only.
(function_definition name: (identifier) @definition.function)
(class_definition name: (identifier) @definition.type)
(module (expression_statement (assignment left: (identifier) @definition.constant)))

; References: what is called, inherited from, imported, or used to annotate.
(call function: (identifier) @reference)
(call function: (attribute attribute: (identifier) @reference))
(class_definition superclasses: (argument_list (identifier) @reference))
(import_from_statement name: (dotted_name (identifier) @reference))
(type (identifier) @reference)
(decorator (identifier) @reference)
