//! Lists in pages. A cursor holds the last name of the page before, so a swap of plugins between two pages loses nothing that stays.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rmcp::ErrorData;
use rmcp::model::PaginatedRequestParams;

/// The items after the cursor, at most `size` of them, and the next cursor. The items are in the order of their names.
pub(crate) fn of<T>(
    items: Vec<T>,
    request: Option<PaginatedRequestParams>,
    size: usize,
    name: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>), ErrorData> {
    let after = request.and_then(|request| request.cursor).map(|cursor| read(&cursor)).transpose()?;
    let mut items = items.into_iter().filter(|item| after.as_deref().is_none_or(|after| name(item) > after));
    let page: Vec<T> = items.by_ref().take(size).collect();
    let more = items.next().is_some();
    let next = page.last().filter(|_| more).map(|item| write(name(item)));
    Ok((page, next))
}

/// A cursor that holds `text`.
pub(crate) fn write(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// What a cursor holds.
pub(crate) fn read(cursor: &str) -> Result<String, ErrorData> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| ErrorData::invalid_params("the cursor is not one that this server handed out", None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let items: Vec<String> = (0..7).map(|number| format!("item-{number}")).collect();
        let (mut seen, mut request) = (Vec::new(), None);
        loop {
            let (page, next) = of(items.clone(), request, 3, |item| item).unwrap();
            seen.extend(page);
            let Some(next) = next else { break };
            request = Some(PaginatedRequestParams::default().with_cursor(Some(next)));
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn a_cursor_from_elsewhere_is_refused() {
        let request = Some(PaginatedRequestParams::default().with_cursor(Some("%%%".to_owned())));
        assert!(of(vec!["a"], request, 3, |item| item).is_err());
    }
}
