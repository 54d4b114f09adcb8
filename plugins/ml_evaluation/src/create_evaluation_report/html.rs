//! A report as one HTML file: style and pictures are in it, nothing is loaded, nothing runs.
//!
//! Every word passes [`escape`]; the pictures are SVG from the host's drawing, which escapes its own. A content security policy in the
//! file keeps a browser from loading anything even so. Light and dark follow the reader's setting; print is black on white.

use std::fmt::Write as _;

use super::page::{Block, Page, Section, Sheet};

const STYLE: &str = "\
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --muted: #57606a; --line: #d8dde3; --band: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6e9ed; --muted: #9aa4af; --line: #333a42; --band: #1c2127; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, 'DejaVu Sans', Verdana, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
.subtitle, figcaption { color: var(--muted); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1.25rem 0 0; padding: 0; }
a { color: inherit; text-underline-offset: .2em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--muted); font-weight: 600; }
td.number { white-space: nowrap; }
tbody tr:nth-child(even) { background: var(--band); }
figure { margin: 1rem 0; }
figure svg { display: block; max-width: 100%; height: auto; background: #ffffff; border-radius: 6px; }
figcaption { font-size: .9rem; margin-top: .35rem; }
@media print {
  :root { --paper: #ffffff; --ink: #000000; --muted: #444444; --line: #bbbbbb; --band: #ffffff; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  h2 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
}
";

/// The whole file.
pub(crate) fn document(page: &Page) -> String {
    let title = escape(&page.title);
    let links: String = page
        .sections
        .iter()
        .map(|section| format!("<li><a href=\"#{}\">{}</a></li>\n", anchor(section), escape(section.heading)))
        .collect();
    let sections: String = page.sections.iter().map(section).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"subtitle\">{}</p>\n<nav aria-label=\"Sections\">\n<ul>\n{links}</ul>\n</nav>\n</header>\n\
         {sections}</main>\n</body>\n</html>\n",
        escape(&page.subtitle),
    )
}

fn section(section: &Section) -> String {
    let blocks: String = section.blocks.iter().map(block).collect();
    format!("<section id=\"{}\">\n<h2>{}</h2>\n{blocks}</section>\n", anchor(section), escape(section.heading))
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(words) => format!("<p>{}</p>\n", escape(words)),
        Block::List(points) => {
            let points: String = points.iter().map(|point| format!("<li>{}</li>\n", escape(point))).collect();
            format!("<ul>\n{points}</ul>\n")
        }
        Block::Sheet(sheet) => table(sheet),
        Block::Figure { svg, caption } => {
            format!("<figure>\n{svg}<figcaption>{}</figcaption>\n</figure>\n", escape(caption))
        }
    }
}

fn table(sheet: &Sheet) -> String {
    let mut text = String::from("<div class=\"scroll\">\n<table>\n<thead>\n<tr>");
    for heading in &sheet.header {
        // Writing into a String does not fail.
        let _ = write!(text, "<th scope=\"col\">{}</th>", escape(heading));
    }
    text.push_str("</tr>\n</thead>\n<tbody>\n");
    for row in &sheet.rows {
        text.push_str("<tr>");
        for cell in row {
            let class = if is_number(cell) { " class=\"number\"" } else { "" };
            let _ = write!(text, "<td{class}>{}</td>", escape(cell));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n</div>\n");
    text
}

/// Whether a cell is a number or an interval of two, which must not be broken.
fn is_number(cell: &str) -> bool {
    !cell.is_empty() && cell.split(" to ").all(|part| part.parse::<f64>().is_ok())
}

/// The section's name in an address.
fn anchor(section: &Section) -> String {
    section
        .heading
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .collect()
}

/// Words for HTML, between tags and in attributes. Control characters, which HTML does not allow, become the sign for what cannot be shown.
pub(crate) fn escape(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            '\n' | '\t' => text.push(letter),
            letter if letter.is_control() => text.push(char::REPLACEMENT_CHARACTER),
            letter => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "</td><script>alert('1')</script>&\u{0}\" onload=\"x";

    fn page() -> Page {
        let mut sheet = Sheet::new([HOSTILE, "Value"]);
        sheet.push([HOSTILE.to_owned(), "0.8 to 0.9".to_owned()]);
        Page {
            title: HOSTILE.to_owned(),
            subtitle: HOSTILE.to_owned(),
            sections: vec![Section {
                heading: "Test data",
                blocks: vec![
                    Block::Text(HOSTILE.to_owned()),
                    Block::List(vec![HOSTILE.to_owned()]),
                    Block::Sheet(sheet),
                    Block::Figure { svg: "<svg></svg>\n".to_owned(), caption: HOSTILE.to_owned() },
                ],
            }],
        }
    }

    #[test]
    fn no_word_becomes_markup() {
        let text = document(&page());
        assert!(!text.contains("<script") && !text.contains("onload=\"") && !text.contains('\u{0}'), "{text}");
        assert_eq!(text.matches("&lt;/td&gt;&lt;script&gt;").count(), 8);
    }

    #[test]
    fn the_file_asks_for_nothing_from_elsewhere() {
        let text = document(&page());
        assert!(text.contains("default-src 'none'"));
        for asking in ["src=", "url(", "@import", "<link", "http://", "https://"] {
            assert!(!text.contains(asking), "{asking}");
        }
    }

    #[test]
    fn an_interval_is_kept_on_one_line_and_its_section_can_be_linked_to() {
        let text = document(&page());
        assert!(text.contains("<td class=\"number\">0.8 to 0.9</td>"), "{text}");
        assert!(text.contains("href=\"#test-data\"") && text.contains("id=\"test-data\""), "{text}");
    }
}
