; Definitions. Functions of implementations of traits are left out: the trait has them already.
(source_file (function_item name: (identifier) @definition.function))
(mod_item body: (declaration_list (function_item name: (identifier) @definition.function)))
(impl_item !trait body: (declaration_list (function_item name: (identifier) @definition.function)))
(trait_item body: (declaration_list
  [(function_item name: (identifier) @definition.function)
   (function_signature_item name: (identifier) @definition.function)]))
(foreign_mod_item body: (declaration_list (function_signature_item name: (identifier) @definition.function)))
(struct_item name: (type_identifier) @definition.type)
(enum_item name: (type_identifier) @definition.type)
(union_item name: (type_identifier) @definition.type)
(trait_item name: (type_identifier) @definition.type)
(source_file (type_item name: (type_identifier) @definition.type))
(const_item name: (identifier) @definition.constant)
(static_item name: (identifier) @definition.constant)
(macro_definition name: (identifier) @definition.macro)
(mod_item name: (identifier) @definition.module body: (declaration_list))

; References: what is called, and every type that is named where none is defined.
(call_expression function: (identifier) @reference)
; Methods of the standard library say nothing about who else has one of that name.
((call_expression function: (field_expression field: (field_identifier) @reference))
  (#not-any-of? @reference
    "all" "and_then" "any" "as_bytes" "as_deref" "as_mut" "as_ref" "as_slice" "as_str" "chain" "chars" "clear" "clone" "cloned"
    "cmp" "collect" "contains" "copied" "count" "drain" "ends_with" "entry" "enumerate" "eq" "err" "expect" "extend" "filter"
    "filter_map" "find" "first" "flat_map" "flush" "fold" "get" "get_mut" "insert" "into" "into_iter" "is_empty" "is_err"
    "is_none" "is_ok" "is_some" "is_some_and" "iter" "iter_mut" "join" "keys" "last" "len" "lines" "lock" "map" "map_err" "max"
    "min" "next" "ok" "ok_or" "ok_or_else" "or_default" "or_else" "or_insert_with" "parse" "peek" "pop" "position" "push"
    "push_str" "read" "remove" "replace" "rev" "send" "skip" "sort" "split" "starts_with" "sum" "take" "then" "to_owned"
    "to_string" "to_vec" "trim" "truncate" "try_into" "unwrap" "unwrap_or" "unwrap_or_default" "unwrap_or_else" "values"
    "with_capacity" "write" "write_all" "zip"))
((call_expression function: (scoped_identifier name: (identifier) @reference))
  (#not-any-of? @reference "default" "from" "from_iter" "from_str" "new" "take" "try_from" "with_capacity"))
(generic_function function: (identifier) @reference)
(generic_function function: (scoped_identifier name: (identifier) @reference))
(macro_invocation macro: (identifier) @reference)
(use_declaration argument: (scoped_identifier name: (identifier) @reference))
(use_list (identifier) @reference)
(type_identifier) @reference
