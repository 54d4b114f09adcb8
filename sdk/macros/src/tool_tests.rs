use super::*;

fn refusal(options: TokenStream, function: TokenStream) -> String {
    expand(options, function).expect_err("the macro accepts it").to_string()
}

#[test]
fn a_tool_without_a_doc_comment_is_refused() {
    assert!(
        refusal(
            quote!(),
            quote!(
                fn greet() -> Result<()> {
                    Ok(())
                }
            )
        )
        .contains("needs a doc comment")
    );
}

#[test]
fn an_unknown_option_is_answered_with_the_known_ones() {
    let message = refusal(
        quote!(readonly),
        quote!(
            #[doc = "Greets."]
            fn greet() -> Result<()> {
                Ok(())
            }
        ),
    );
    assert!(message.contains("read_only"), "{message}");
}

#[test]
fn a_tool_cannot_be_read_only_and_destructive() {
    let message = refusal(
        quote!(read_only, destructive),
        quote!(
            #[doc = "Greets."]
            fn greet() -> Result<()> {
                Ok(())
            }
        ),
    );
    assert!(message.contains("leave out one of the two"), "{message}");
}

#[test]
fn methods_async_and_generic_functions_are_refused() {
    assert!(
        refusal(
            quote!(),
            quote!(
                #[doc = "D."]
                fn greet(&self) -> Result<()> {
                    Ok(())
                }
            )
        )
        .contains("no self")
    );
    assert!(
        refusal(
            quote!(),
            quote!(
                #[doc = "D."]
                async fn greet() -> Result<()> {
                    Ok(())
                }
            )
        )
        .contains("not async")
    );
    assert!(
        refusal(
            quote!(),
            quote!(
                #[doc = "D."]
                fn greet<T>() -> Result<T> {
                    f()
                }
            )
        )
        .contains("no generic")
    );
    assert!(
        refusal(
            quote!(),
            quote!(
                #[doc = "D."]
                fn greet() {}
            )
        )
        .contains("returns")
    );
}

#[test]
fn the_context_comes_after_the_arguments() {
    let message = refusal(
        quote!(),
        quote!(
            #[doc = "D."]
            fn greet(context: &Context, who: Who) -> Result<()> {
                Ok(())
            }
        ),
    );
    assert!(message.contains("by value and then"), "{message}");
}
