//! The two macros of `kumiko-sdk`: `#[tool]` makes a function known as a tool, `plugin!` lists the tools of a plugin.
//!
//! `#[tool]` leaves the function as it is and adds a hidden constant of type `kumiko_sdk::Tool` beside it, named after
//! the function. `plugin!` collects these constants by the same naming rule, so a tool is listed by the path of its
//! function.

mod doc;
mod plugin;
mod tool;

use proc_macro::TokenStream;

/// Makes a function a tool: its name is the function's, its description the doc comment, its schemas those of the
/// types.
///
/// The function takes the arguments (a type with `Deserialize` and `JsonSchema`), a `&Context`, both in this order, or
/// none, and returns `Result<R>` where `R` is the result itself, a `Reply` or an `Answer`.
///
/// What may stand in the parentheses:
///
/// | key | meaning |
/// | --- | --- |
/// | `name = "…"` | the tool's name, where it is not the function's |
/// | `title = "…"` | a short name for people; without it the first line of the doc comment |
/// | `aliases = ["…"]` | further names under which a call is accepted |
/// | `read_only` | the tool changes nothing |
/// | `destructive` | the tool may delete or overwrite what was there |
/// | `idempotent` | the same call again changes nothing further |
/// | `open_world` | the tool reaches outside this server and its store |
/// | `long_running` | a call may take longer than the host's everyday time limit |
#[proc_macro_attribute]
pub fn tool(options: TokenStream, function: TokenStream) -> TokenStream {
    tool::expand(options.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Declares the plugin: `plugin! { name: "hello", tools: [greet] }`.
///
/// Beside `name` and `tools` there may be `aliases: ["…"]` and `description: "…"`; without the latter the package's
/// description in `Cargo.toml` serves. The version is the package's.
///
/// It defines `pub fn plugin() -> kumiko_sdk::Plugin`, and for WebAssembly the component's exports.
#[proc_macro]
pub fn plugin(declaration: TokenStream) -> TokenStream {
    plugin::expand(declaration.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
