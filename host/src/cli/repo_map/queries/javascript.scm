; Definitions. A variable counts where a function or a class is made for it, or where it is exported.
(function_declaration name: (identifier) @definition.function)
(generator_function_declaration name: (identifier) @definition.function)
(method_definition name: (property_identifier) @definition.function)
(class_declaration name: (identifier) @definition.type)
(variable_declarator name: (identifier) @definition.function value: [(arrow_function) (function_expression)])
(variable_declarator name: (identifier) @definition.type value: (class))
(export_statement (lexical_declaration (variable_declarator name: (identifier) @definition.constant)))
(assignment_expression
  left: (member_expression property: (property_identifier) @definition.function)
  right: [(arrow_function) (function_expression)])

; References: what is called, constructed, inherited from, or imported.
(call_expression function: (identifier) @reference)
(call_expression function: (member_expression property: (property_identifier) @reference))
(new_expression constructor: (identifier) @reference)
(class_heritage (identifier) @reference)
(import_specifier name: (identifier) @reference)
