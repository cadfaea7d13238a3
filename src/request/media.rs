//! Which representation answers: of what `Accept` lists, by `q` and then by position, the first that can be produced.

use super::Error;
use crate::config::Config;

/// A representation that can be produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// An array of objects.
    Json,
    /// An array of objects without members that are null.
    JsonStripped,
    /// One object; an answer of any other number of rows is 406.
    SingularObject,
    /// One object without members that are null.
    SingularStripped,
    /// A header line, then a line for each row.
    Csv,
    /// An object a line.
    Lines,
    /// A GeoJSON FeatureCollection: needs PostGIS.
    GeoJson,
    /// How Postgres would run, or ran, the statement, instead of its rows.
    Plan(Explain),
}

/// What `application/vnd.pgrst.plan` asks for: the options of EXPLAIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explain {
    pub target: ExplainTarget,
    pub format: ExplainFormat,
    pub analyze: bool,
    pub verbose: bool,
    pub settings: bool,
    pub buffers: bool,
    pub wal: bool,
}

/// The representation whose statement is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainTarget {
    Json,
    JsonStripped,
    SingularObject,
    SingularStripped,
    Csv,
    Lines,
    GeoJson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainFormat {
    Text,
    Json,
}

impl Media {
    /// Chooses from an `Accept` header.
    ///
    /// # Errors
    /// [`Error::NotAcceptable`] when it lists nothing that can be produced.
    pub(super) fn negotiate(accept: Option<&str>, limits: &Config) -> Result<Self, Error> {
        let Some(accept) = accept else { return Ok(Media::Json) };
        let mut ranges: Vec<Range<'_>> = split(accept, ',').filter_map(Range::parse).collect();
        // Stable: what is wanted equally stays in the order in which it is listed.
        ranges.sort_by_key(|range| std::cmp::Reverse(range.quality()));
        let acceptable = ranges.iter().filter(|range| range.quality() > 0);
        if let Some(media) = acceptable.filter_map(|range| range.media(limits)).next() {
            return Ok(media);
        }
        // An Accept that speaks of errors only says how to word them; the answer itself is the default.
        if ranges.iter().all(|range| range.name == "application/problem+json") {
            return Ok(Media::Json);
        }
        Err(Error::NotAcceptable { asked: accept.chars().take(200).collect() })
    }

    /// Whether the answer is one object, or none.
    pub fn is_singular(self) -> bool {
        matches!(self, Media::SingularObject | Media::SingularStripped)
    }

    /// The representation whose statement is run or explained: for a plan that of its `for`.
    pub fn of_rows(self) -> Media {
        match self {
            Media::Plan(explain) => match explain.target {
                ExplainTarget::Json => Media::Json,
                ExplainTarget::JsonStripped => Media::JsonStripped,
                ExplainTarget::SingularObject => Media::SingularObject,
                ExplainTarget::SingularStripped => Media::SingularStripped,
                ExplainTarget::Csv => Media::Csv,
                ExplainTarget::Lines => Media::Lines,
                ExplainTarget::GeoJson => Media::GeoJson,
            },
            rows => rows,
        }
    }

    /// The `Content-Type` of an answer.
    pub fn content_type(self) -> String {
        format!("{}; charset=utf-8", self.name())
    }

    fn name(self) -> String {
        let name = match self {
            Media::Json => "application/json",
            Media::JsonStripped => "application/vnd.pgrst.array+json;nulls=stripped",
            Media::SingularObject => "application/vnd.pgrst.object+json",
            Media::SingularStripped => "application/vnd.pgrst.object+json;nulls=stripped",
            Media::Csv => "text/csv",
            Media::Lines => "application/x-ndjson",
            Media::GeoJson => "application/geo+json",
            Media::Plan(explain) => {
                let format = match explain.format {
                    ExplainFormat::Text => "text",
                    ExplainFormat::Json => "json",
                };
                let mut name =
                    format!("application/vnd.pgrst.plan+{format}; for=\"{}\"", self.of_rows().name());
                let options: Vec<_> =
                    explain.options().filter_map(|(word, is_set)| is_set.then_some(word)).collect();
                if !options.is_empty() {
                    name.push_str("; options=");
                    name.push_str(&options.join("|"));
                }
                return name;
            }
        };
        name.to_owned()
    }
}

impl Explain {
    /// The words of its options, in the dialect's order, each with whether it is set.
    pub fn options(self) -> impl Iterator<Item = (&'static str, bool)> {
        [
            ("analyze", self.analyze),
            ("verbose", self.verbose),
            ("settings", self.settings),
            ("buffers", self.buffers),
            ("wal", self.wal),
        ]
        .into_iter()
    }
}

/// One media range of an `Accept` header (RFC 9110 12.5.1): its name in lower case, and its parameters.
struct Range<'a> {
    name: String,
    parameters: Vec<(String, &'a str)>,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = split(text, ';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
        let parameters = parts.filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = value.trim();
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            Some((name.trim().to_ascii_lowercase(), quoted.unwrap_or(value)))
        });
        Some(Range { name, parameters: parameters.collect() })
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// `q` in thousandths; one that is no number counts as 1.
    fn quality(&self) -> u16 {
        let quality = self.parameter("q").and_then(|value| value.parse::<f32>().ok()).unwrap_or(1.0);
        // Clamped to what u16 holds; NaN becomes 0.
        (quality.clamp(0.0, 1.0) * 1000.0) as u16
    }

    fn media(&self, limits: &Config) -> Option<Media> {
        let stripped = self.parameter("nulls") == Some("stripped");
        match self.name.as_str() {
            "application/json" | "application/*" | "*/*" => Some(Media::Json),
            "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => {
                Some(if stripped { Media::JsonStripped } else { Media::Json })
            }
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
                Some(if stripped { Media::SingularStripped } else { Media::SingularObject })
            }
            "text/csv" => Some(Media::Csv),
            "application/x-ndjson" => Some(Media::Lines),
            "application/geo+json" => Some(Media::GeoJson),
            "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" if limits.explain => {
                self.plan(ExplainFormat::Text)
            }
            "application/vnd.pgrst.plan+json" if limits.explain => self.plan(ExplainFormat::Json),
            _ => None,
        }
    }

    fn plan(&self, format: ExplainFormat) -> Option<Media> {
        let target = Range::parse(self.parameter("for").unwrap_or("application/json"))?;
        let stripped = target.parameter("nulls") == Some("stripped");
        let target = match target.name.as_str() {
            "application/json" | "*/*" => ExplainTarget::Json,
            "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" if stripped => {
                ExplainTarget::JsonStripped
            }
            "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => ExplainTarget::Json,
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" if stripped => {
                ExplainTarget::SingularStripped
            }
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
                ExplainTarget::SingularObject
            }
            "text/csv" => ExplainTarget::Csv,
            "application/x-ndjson" => ExplainTarget::Lines,
            "application/geo+json" => ExplainTarget::GeoJson,
            _ => return None,
        };
        let options = self.parameter("options").unwrap_or_default();
        let is_set = |word: &str| options.split('|').any(|option| option == word);
        Some(Media::Plan(Explain {
            target,
            format,
            analyze: is_set("analyze"),
            verbose: is_set("verbose"),
            settings: is_set("settings"),
            buffers: is_set("buffers"),
            wal: is_set("wal"),
        }))
    }
}

/// Splits at `separator`, except within double quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accept: &str) -> Result<Media, Error> {
        Media::negotiate(Some(accept), &Config { explain: true, ..Config::default() })
    }

    #[test]
    fn the_first_acceptable_type_wins() {
        assert_eq!(Media::negotiate(None, &Config::default()).unwrap(), Media::Json);
        assert_eq!(negotiate("text/html, */*;q=0.1").unwrap(), Media::Json);
        let object = "application/vnd.pgrst.object+json, application/json";
        assert_eq!(negotiate(object).unwrap(), Media::SingularObject);
        assert_eq!(negotiate("text/csv; version=1, */*").unwrap(), Media::Csv);
        assert!(negotiate("text/html").is_err());
    }

    #[test]
    fn a_greater_q_comes_before_a_former_place_and_0_is_never() {
        assert_eq!(negotiate("application/json;q=0.5, text/csv;q=0.9").unwrap(), Media::Csv);
        assert_eq!(negotiate("application/json;q=0, text/csv;q=0.001").unwrap(), Media::Csv);
        assert!(negotiate("application/json;q=0").is_err());
        assert_eq!(negotiate("text/csv;q=much, application/json").unwrap(), Media::Csv);
    }

    #[test]
    fn names_are_of_any_case_and_parameters_choose() {
        assert_eq!(negotiate("ApplicatIon/vnd.PgRsT.object+json").unwrap(), Media::SingularObject);
        let stripped = "application/vnd.pgrst.array+json; nulls=stripped";
        assert_eq!(negotiate(stripped).unwrap(), Media::JsonStripped);
        assert_eq!(negotiate("application/vnd.pgrst.object;nulls=kept").unwrap(), Media::SingularObject);
    }

    #[test]
    fn a_plan_is_for_a_representation_and_only_where_it_is_allowed() {
        let accept = "application/vnd.pgrst.plan+json; for=\"text/csv; a=b, c\"; options=analyze|wal|x";
        let Ok(Media::Plan(explain)) = negotiate(accept) else { panic!() };
        assert_eq!((explain.target, explain.format), (ExplainTarget::Csv, ExplainFormat::Json));
        assert!(explain.analyze && explain.wal && !explain.verbose && !explain.buffers);
        assert_eq!(
            Media::Plan(explain).content_type(),
            "application/vnd.pgrst.plan+json; for=\"text/csv\"; options=analyze|wal; charset=utf-8"
        );
        assert!(Media::negotiate(Some(accept), &Config::default()).is_err());
        assert!(negotiate("application/vnd.pgrst.plan;for=\"image/png\"").is_err());
    }
}
