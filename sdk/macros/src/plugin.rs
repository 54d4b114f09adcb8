//! `plugin!`: from a list of tools to the plugin and, for WebAssembly, its exports.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitStr, Path, Result, Token, bracketed};

use crate::tool;

/// What stands in the braces of `plugin! { … }`.
struct Declaration {
    name: LitStr,
    aliases: Vec<LitStr>,
    description: Option<LitStr>,
    icon: Option<LitStr>,
    tools: Vec<Path>,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let start = input.span();
        let (mut name, mut aliases, mut description, mut icon, mut tools) = (None, Vec::new(), None, None, None);
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![:]>()?;
            match key.to_string().as_str() {
                "name" => name = Some(input.parse()?),
                "aliases" => aliases = list(input)?,
                "description" => description = Some(input.parse()?),
                "icon" => icon = Some(input.parse()?),
                "tools" => tools = Some(list(input)?),
                _ => return Err(Error::new(key.span(), "expected name, tools, aliases, description or icon")),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let missing =
            |what| Error::new(start, format!("{what} is missing: plugin! {{ name: \"hello\", tools: [greet] }}"));
        Ok(Self {
            name: name.ok_or_else(|| missing("name"))?,
            aliases,
            description,
            icon,
            tools: tools.ok_or_else(|| missing("tools"))?,
        })
    }
}

/// `[…, …]`.
fn list<T: Parse>(input: ParseStream<'_>) -> Result<Vec<T>> {
    let content;
    bracketed!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

/// The function `plugin` and the exports.
pub(crate) fn expand(declaration: TokenStream) -> Result<TokenStream> {
    let Declaration { name, aliases, description, icon, mut tools } = syn::parse2(declaration)?;
    for path in &mut tools {
        if let Some(last) = path.segments.last_mut() {
            last.ident = tool::constant(&last.ident);
        }
    }
    let description = description.map_or_else(|| quote!(::core::env!("CARGO_PKG_DESCRIPTION")), |text| quote!(#text));
    let icon = icon.as_ref().map_or_else(|| Ok(quote!(::core::option::Option::None)), included)?;
    Ok(quote! {
        /// This plugin: its manifest, and its tools to be called by name.
        #[must_use]
        pub fn plugin() -> ::kumiko_sdk::Plugin {
            const TOOLS: &[::kumiko_sdk::Tool] = &[#(#tools),*];
            ::kumiko_sdk::Plugin {
                name: #name,
                aliases: &[#(#aliases),*],
                version: ::core::env!("CARGO_PKG_VERSION"),
                description: #description,
                icon: #icon,
                tools: TOOLS,
            }
        }

        ::kumiko_sdk::export_component!(plugin);
    })
}

/// The icon in the file at `path`, which is relative to the crate's folder.
fn included(path: &LitStr) -> Result<TokenStream> {
    let text = path.value();
    let media_type = match text.rsplit_once('.').map(|(_, extension)| extension) {
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        _ => return Err(Error::new(path.span(), "expected the path of an svg, png, jpg or webp file")),
    };
    Ok(quote! {
        ::core::option::Option::Some(::kumiko_sdk::Icon {
            media_type: #media_type,
            data: ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path)),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_listed_by_the_path_of_its_function() {
        let tokens = expand(quote!(name: "house", tools: [greet, rooms::kitchen::cook])).expect("expands").to_string();
        assert!(tokens.contains("__kumiko_tool_greet , rooms :: kitchen :: __kumiko_tool_cook"), "{tokens}");
    }

    #[test]
    fn an_icon_is_a_file_of_a_known_kind() {
        let tokens = expand(quote!(name: "house", icon: "house.svg", tools: [])).expect("expands").to_string();
        assert!(tokens.contains("image/svg+xml") && tokens.contains("house.svg"), "{tokens}");
        let refused = expand(quote!(name: "house", icon: "house.gif", tools: [])).expect_err("no such kind");
        assert!(refused.to_string().contains("svg, png, jpg or webp"), "{refused}");
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        assert!(expand(quote!(tools: [greet])).expect_err("no name").to_string().contains("name is missing"));
        assert!(expand(quote!(name: "house")).expect_err("no tools").to_string().contains("tools is missing"));
        assert!(
            expand(quote!(name: "house", tolls: [])).expect_err("typo").to_string().contains("expected name, tools")
        );
    }
}
