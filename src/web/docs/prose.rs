//! The little Markdown that descriptions have: paragraphs, and code between backticks.

/// A stretch of a paragraph.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub text: String,
    pub code: bool,
}

pub(super) type Paragraph = Vec<Piece>;

pub(super) fn paragraphs(text: &str) -> Vec<Paragraph> {
    text.split("\n\n").map(pieces).filter(|paragraph| !paragraph.is_empty()).collect()
}

fn pieces(text: &str) -> Paragraph {
    let parts = text.trim().split('`').enumerate();
    let parts = parts.map(|(place, part)| Piece { text: part.replace('\n', " "), code: place % 2 == 1 });
    parts.filter(|piece| !piece.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_between_backticks_and_lines_are_joined() {
        let piece = |text: &str, code| Piece { text: text.to_owned(), code };
        let expected =
            vec![vec![piece("Give ", false), piece("a b", true), piece(" or nothing.", false)], vec![piece("x", true)]];
        assert_eq!(paragraphs("Give `a b` or\nnothing.\n\n`x`\n\n"), expected);
        assert_eq!(paragraphs(" \n"), Vec::<Paragraph>::new());
    }
}
