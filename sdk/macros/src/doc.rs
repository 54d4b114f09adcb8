//! Doc comments as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The doc comment among `attributes`: each line without the blank that follows `///`, joined by line breaks.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes {
        let Meta::NameValue(pair) = &attribute.meta else { continue };
        if !pair.path.is_ident("doc") {
            continue;
        }
        if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value {
            for line in text.value().split('\n') {
                lines.push(line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned());
            }
        }
    }
    lines.join("\n").trim().to_owned()
}

/// What serves as a title where none is given: the first line, without its full stop.
pub(crate) fn title(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doc_comment_keeps_its_paragraphs_and_loses_its_margin() {
        let function: syn::ItemFn = syn::parse_quote! {
            /// Greets somebody.
            ///
            ///   Indented.
            #[inline]
            fn greet() {}
        };
        let text = text(&function.attrs);
        assert_eq!(text, "Greets somebody.\n\n  Indented.");
        assert_eq!(title(&text), "Greets somebody");
    }
}
