//! `#[tool]`: from a function to a constant of type `kumiko_sdk::Tool`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, Result, ReturnType, Token, Type, bracketed};

use crate::doc;

/// The name of the constant beside the tool function `function`.
pub(crate) fn constant(function: &Ident) -> Ident {
    format_ident!("__kumiko_tool_{}", function, span = function.span())
}

/// What stands in the parentheses of `#[tool(…)]`.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    title: Option<LitStr>,
    aliases: Vec<LitStr>,
    read_only: bool,
    destructive: bool,
    idempotent: bool,
    open_world: bool,
    long_running: bool,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "name" => options.name = Some(text(input)?),
                "title" => options.title = Some(text(input)?),
                "aliases" => options.aliases = texts(input)?,
                "read_only" => options.read_only = true,
                "destructive" => options.destructive = true,
                "idempotent" => options.idempotent = true,
                "open_world" => options.open_world = true,
                "long_running" => options.long_running = true,
                _ => {
                    return Err(Error::new(
                        key.span(),
                        "expected name, title, aliases, read_only, destructive, idempotent, open_world or long_running",
                    ));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if options.read_only && options.destructive {
            return Err(Error::new(
                input.span(),
                "a tool that only reads cannot be destructive: leave out one of the two",
            ));
        }
        Ok(options)
    }
}

/// `= "…"`.
fn text(input: ParseStream<'_>) -> Result<LitStr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// `= ["…", …]`.
fn texts(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    input.parse::<Token![=]>()?;
    let content;
    bracketed!(content in input);
    Ok(Punctuated::<LitStr, Token![,]>::parse_terminated_with(&content, |input| input.parse())?.into_iter().collect())
}

/// What a tool function takes.
struct Parameters {
    arguments: Option<Type>,
    context: bool,
}

/// The parameters of `function`: `(Arguments, &Context)`, or either, or none.
fn parameters(function: &ItemFn) -> Result<Parameters> {
    let mut found = Parameters { arguments: None, context: false };
    for input in &function.sig.inputs {
        let FnArg::Typed(input) = input else {
            return Err(Error::new(input.span(), "a tool is a free function: it has no self"));
        };
        match &*input.ty {
            Type::Reference(_) if !found.context => found.context = true,
            owned if found.arguments.is_none() && !found.context && !matches!(owned, Type::Reference(_)) => {
                found.arguments = Some(owned.clone());
            }
            other => {
                return Err(Error::new(
                    other.span(),
                    "a tool takes its arguments by value and then, if it wants it, `&Context`",
                ));
            }
        }
    }
    Ok(found)
}

/// The function itself and its constant.
pub(crate) fn expand(options: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    let function: ItemFn = syn::parse2(function)?;
    let signature = &function.sig;
    if let Some(asyncness) = &signature.asyncness {
        return Err(Error::new(asyncness.span(), "a tool is not async: calls of the host return when they are done"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "a tool has no generic parameters: its schemas are those of fixed types",
        ));
    }
    let ReturnType::Type(_, output) = &signature.output else {
        return Err(Error::new(signature.ident.span(), "a tool returns `Result<…>`"));
    };
    let description = doc::text(&function.attrs);
    if description.is_empty() {
        return Err(Error::new(
            signature.ident.span(),
            "a tool needs a doc comment: it is the description by which an agent chooses the tool",
        ));
    }

    let Parameters { arguments, context } = parameters(&function)?;
    let identifier = &signature.ident;
    let constant = constant(identifier);
    let visibility = &function.vis;
    let name =
        options.name.as_ref().map_or_else(|| identifier.to_string().trim_start_matches("r#").to_owned(), LitStr::value);
    let title = options.title.as_ref().map_or_else(|| doc::title(&description), LitStr::value);
    let Options { aliases, read_only, destructive, idempotent, open_world, long_running, .. } = &options;
    let input =
        arguments.clone().map_or_else(|| quote!(::kumiko_sdk::arguments::Nothing), |arguments| quote!(#arguments));
    let passed_arguments = arguments.map(|_| quote!(arguments,));
    let passed_context = context.then(|| quote!(context));

    Ok(quote! {
        #function

        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        #visibility const #constant: ::kumiko_sdk::Tool = ::kumiko_sdk::Tool {
            name: #name,
            title: #title,
            description: #description,
            input_schema: ::kumiko_sdk::schema::input::<#input>,
            output_schema: <#output as ::kumiko_sdk::answer::ToolResult>::schema,
            annotations: ::kumiko_sdk::Annotations {
                read_only: #read_only,
                destructive: #destructive,
                idempotent: #idempotent,
                open_world: #open_world,
            },
            aliases: &[#(#aliases),*],
            long_running: #long_running,
            run: {
                fn run(arguments: &str, context: &::kumiko_sdk::Context) -> ::kumiko_sdk::answer::Ended {
                    let arguments = ::kumiko_sdk::arguments::parse::<#input>(arguments)?;
                    ::kumiko_sdk::answer::ToolResult::end(#identifier(#passed_arguments #passed_context))
                }
                run
            },
        };
    })
}

#[cfg(test)]
#[path = "tool_tests.rs"]
mod tests;
