// What an entry says of itself and of its arguments.
// RUN: sluice-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{an entry must be public, '@generate' is private}}
func.func private @generate(%b: !llm.batch) attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{the first argument of an entry must be !llm.batch}}
func.func @generate() attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{argument 1 of an entry needs 'llm.name' and 'llm.input'}}
func.func @generate(%b: !llm.batch, %i: tensor<?xi32> {llm.name = "ids"}) attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{argument 1 of an entry has 'llm.flags', which is for rows of i32}}
func.func @generate(%b: !llm.batch, %i: tensor<?x4xf32> {llm.name = "ids", llm.input = "rows", llm.flags}) attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{argument 1 of an entry must be one i32 for each token}}
func.func @generate(%b: !llm.batch, %i: tensor<?x64xf32> {llm.name = "ids", llm.input = "tokens"}) attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{argument 1 of an entry must be one i32 for each token}}
func.func @generate(%b: !llm.batch, %i: tensor<?x2xi32> {llm.name = "ids", llm.input = "tokens"}) attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{argument 1 of an entry must be one i32 for each token}}
func.func @generate(%b: !llm.batch, %i: tensor<4xi32> {llm.name = "ids", llm.input = "tokens"}) attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{'llm.input' must be one of "tokens", "positions", "block_positions", "prefix", "prompt", "announced", "token_types", "rows", found "words"}}
func.func @generate(%b: !llm.batch, %i: tensor<?xi32> {llm.name = "ids", llm.input = "words"}) attributes {llm.entry = "generate"} {
  return
}

// -----

// expected-error @below {{'llm.entry' must be one of "generate", "encode", "embed", "classify", "fill", "source", "vision", found 1 : i64}}
func.func @generate(%b: !llm.batch) attributes {llm.entry = 1 : i64} {
  return
}

// -----

// expected-error @below {{'llm.entry' belongs on a function, found on 'builtin.module'}}
module attributes {llm.entry = "generate"} {}

// -----

// expected-error @below {{'llm.name' must be a text, found 1 : i64}}
func.func @generate(%b: !llm.batch, %x: tensor<?x4xf32> {llm.name = "x", llm.input = "rows"}) -> (tensor<?x4xf32> {llm.name = 1 : i64}) attributes {llm.entry = "generate"} {
  return %x : tensor<?x4xf32>
}
