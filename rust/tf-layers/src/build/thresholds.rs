//! The four confidence thresholds of a binary classifier: a flat JSON object, read strictly.

const KEYS: [&str; 4] = ["bottom", "low", "medium", "high"];

/// The numbers of a JSON object with exactly the keys bottom, low, medium and high: finite, none below 0, in order of size.
///
/// A threshold above every score says "never", so there is no upper limit. Numbers are JSON's: no `+0.5`, `.5`, `00.5`, `NaN`.
///
/// # Errors
/// In one sentence, what is wrong with the text.
pub(super) fn parse(text: &str) -> Result<[f32; 4], String> {
    let mut rest = Text(text.trim_matches(SPACE));
    if !rest.take('{') {
        return Err("is not a JSON object".into());
    }
    let mut found = [None; 4];
    let mut more = !rest.take('}');
    while more {
        let key = rest.key()?;
        let k = KEYS
            .iter()
            .position(|known| *known == key)
            .ok_or_else(|| format!("unknown key `{key}`"))?;
        if !rest.take(':') {
            return Err(format!("a colon is missing behind `{key}`"));
        }
        if found[k].replace(number(key, rest.word())?).is_some() {
            return Err(format!("`{key}` is there twice"));
        }
        more = rest.take(',');
        if !more && !rest.take('}') {
            return Err(format!("a comma or a brace is missing behind `{key}`"));
        }
    }
    if !rest.0.is_empty() {
        return Err("goes on behind the JSON object".into());
    }
    let missing: Vec<String> = KEYS
        .iter()
        .zip(found)
        .filter(|(_, value)| value.is_none())
        .map(|(key, _)| format!("`{key}`"))
        .collect();
    match missing.len() {
        0 => {}
        1 => return Err(format!("{} is missing", missing[0])),
        _ => return Err(format!("{} are missing", missing.join(", "))),
    }
    let numbers = found.map(Option::unwrap_or_default);
    if numbers.is_sorted() {
        Ok(numbers)
    } else {
        Err("must have bottom <= low <= medium <= high".into())
    }
}

/// What JSON calls white space.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What is still to be read.
struct Text<'t>(&'t str);

impl<'t> Text<'t> {
    /// Whether the next character was this one; then it, and the space around it, is read.
    fn take(&mut self, character: char) -> bool {
        let rest = self.0.trim_start_matches(SPACE);
        let taken = rest.strip_prefix(character);
        self.0 = taken.map_or(rest, |t| t.trim_start_matches(SPACE));
        taken.is_some()
    }

    /// A string in quotes, as it stands: none of our keys has an escape.
    fn key(&mut self) -> Result<&'t str, String> {
        let (key, rest) = self
            .0
            .strip_prefix('"')
            .and_then(|t| t.split_once('"'))
            .ok_or_else(|| format!("`{}` is not a key in quotes", self.word()))?;
        self.0 = rest;
        Ok(key)
    }

    /// Everything up to the next comma, brace or space.
    fn word(&mut self) -> &'t str {
        let end = self
            .0
            .find(|c: char| c == ',' || c == '}' || SPACE.contains(&c))
            .unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }
}

fn number(key: &str, word: &str) -> Result<f32, String> {
    let value: f32 = Some(word)
        .filter(|w| is_number(w))
        .and_then(|w| w.parse().ok())
        .ok_or_else(|| format!("`{key}` is not a number of JSON: `{word}`"))?;
    if value < 0.0 {
        Err(format!("`{key}` is below 0"))
    } else if value.is_finite() {
        Ok(value)
    } else {
        Err(format!("`{key}` is larger than any float32"))
    }
}

/// JSON's grammar: `-`, digits without a leading zero, `.` and digits, `e` with a sign and digits.
fn is_number(word: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let word = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = word
        .split_once(['e', 'E'])
        .map_or((word, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa
        .split_once('.')
        .map_or((mantissa, None), |(w, f)| (w, Some(f)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn json_and_nothing_else() {
        let four = |high: &str| {
            parse(&format!(
                r#"{{"bottom": 0, "low": 0.25, "medium": 5e-1, "high": {high}}}"#
            ))
        };
        for (high, value) in [
            ("0.5", 0.5),
            ("1", 1.0),
            ("1.5E+0", 1.5),
            ("20e-1", 2.0),
            ("0.5 ", 0.5),
        ] {
            assert_eq!(four(high), Ok([0.0, 0.25, 0.5, value]), "{high}");
        }
        for high in [
            "+0.5", ".5", "00.5", "01", "1.", "1e", "1e+", "-", "--1", "0x1", "1_0", "inf", "NaN",
            "nan", "Infinity", "true", "null", "\"0.5\"", "[0.5]", "1e5.0", "0.5.5", "\u{661}", "",
        ] {
            assert_eq!(
                four(high),
                Err(format!("`high` is not a number of JSON: `{high}`"))
            );
        }
        assert_eq!(four("-0.5"), Err("`high` is below 0".into()));
        assert_eq!(
            four("1e39"),
            Err("`high` is larger than any float32".into())
        );
        assert_eq!(
            four("0.4"),
            Err("must have bottom <= low <= medium <= high".into())
        );
    }

    #[test]
    fn the_object_around_them() {
        let all = r#""bottom":0.1,"low":0.2,"medium":0.3,"high":0.4"#;
        let expected = Ok([0.1, 0.2, 0.3, 0.4]);
        assert_eq!(parse(&format!("{{{all}}}")), expected);
        assert_eq!(
            parse(&format!("\r\n\t {{ {} }} \n", all.replace(':', " :\n "))),
            expected
        );
        for (text, message) in [
            ("", "is not a JSON object"),
            ("[]", "is not a JSON object"),
            ("0.5", "is not a JSON object"),
            ("{}", "`bottom`, `low`, `medium`, `high` are missing"),
            (" { } ", "`bottom`, `low`, `medium`, `high` are missing"),
            ("{", "`` is not a key in quotes"),
            (r#"{"bottom""#, "a colon is missing behind `bottom`"),
            (r#"{"bottom" 0.1}"#, "a colon is missing behind `bottom`"),
            (
                r#"{"bottom": 0.1 "low": 0.2}"#,
                "a comma or a brace is missing behind `bottom`",
            ),
            (
                r#"{"bottom": 0.1"#,
                "a comma or a brace is missing behind `bottom`",
            ),
            (
                r#"{"bottom": 0.1, "bottom": 0.1}"#,
                "`bottom` is there twice",
            ),
            (r#"{bottom: 0.1}"#, "`bottom:` is not a key in quotes"),
            (r#"{"top": 0.1}"#, "unknown key `top`"),
            (r#"{, "low": 0.1}"#, "`` is not a key in quotes"),
        ] {
            assert_eq!(parse(text), Err(message.into()), "{text}");
        }
        for (around, message) in [
            (format!("{{{all},}}"), "`` is not a key in quotes"),
            (format!("{{{all}}} x"), "goes on behind the JSON object"),
            (format!("{{{all}}}}}"), "goes on behind the JSON object"),
            (all.to_string(), "is not a JSON object"),
        ] {
            assert_eq!(parse(&around), Err(message.into()), "{around}");
        }
    }
}
