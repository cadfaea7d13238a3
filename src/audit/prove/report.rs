//! What came of the attempts, for people and for programs.

use std::fmt::Write;

use serde::Serialize;

/// One attempt to break isolation.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// The database role that tried.
    pub role: String,
    /// The relation or function.
    pub object: String,
    /// What was tried, in a few words.
    pub attempt: String,
    /// As whom: a nobody or a tenant.
    pub acting: String,
    pub outcome: Outcome,
    /// What came back.
    pub told: String,
    /// What was run, to paste into psql.
    pub statements: Vec<String>,
    /// What shows that there was something to break: run in the same way, by whoever may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub control: Vec<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Isolation is broken.
    Broken,
    /// The attempt did not come to its end: no answer to the question.
    Unproven,
    /// It was refused, but there was nothing to see or to change: that proves nothing.
    Vacuous,
    /// It was refused, and something was there.
    Held,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Broken => "BROKEN",
            Outcome::Unproven => "unproven",
            Outcome::Vacuous => "vacuous",
            Outcome::Held => "held",
        }
    }
}

/// All attempts, in the order in which they were made.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub attempts: Vec<Attempt>,
    /// What was not tried, and why.
    pub untried: Vec<Untried>,
}

/// Something that was not tried although the role may touch it.
#[derive(Debug, Clone, Serialize)]
pub struct Untried {
    pub role: String,
    pub object: String,
    pub why: String,
    /// Whether that leaves a question, so that nothing is proven.
    pub open: bool,
}

impl Report {
    fn count(&self, outcome: Outcome) -> usize {
        self.attempts.iter().filter(|attempt| attempt.outcome == outcome).count()
    }

    /// What was not tried and leaves a question.
    fn open(&self) -> usize {
        self.untried.iter().filter(|untried| untried.open).count()
    }

    /// 0: all held, and there was something to break; 1: something broke; 2: not everything could be tried.
    pub fn exit_code(&self) -> u8 {
        if self.count(Outcome::Broken) > 0 {
            1
        } else if self.count(Outcome::Held) == self.attempts.len()
            && !self.attempts.is_empty()
            && self.open() == 0
        {
            0
        } else {
            2
        }
    }

    /// One line that says it all.
    pub fn verdict(&self) -> String {
        let total = self.attempts.len();
        let tail = format!(
            "{total} attempts: {} held, {} broken, {} vacuous, {} unproven; {} not tried",
            self.count(Outcome::Held),
            self.count(Outcome::Broken),
            self.count(Outcome::Vacuous),
            self.count(Outcome::Unproven),
            self.open()
        );
        match self.exit_code() {
            0 => format!("isolation held ({tail})"),
            1 => format!("ISOLATION IS BROKEN ({tail})"),
            _ => format!("isolation is NOT PROVEN ({tail})"),
        }
    }

    /// For people: a line for each attempt, by relation or function, with the statements of those that broke something, or of
    /// all of them.
    pub fn text(&self, statements: bool) -> String {
        let mut out = String::new();
        let mut sorted: Vec<&Attempt> = self.attempts.iter().collect();
        sorted.sort_by_key(|attempt| (&attempt.role, &attempt.object));
        let mut object = None;
        for attempt in sorted {
            if object != Some((&attempt.role, &attempt.object)) {
                let _ = writeln!(out, "{} (as {})", attempt.object, attempt.role);
                object = Some((&attempt.role, &attempt.object));
            }
            let Attempt { attempt: what, acting, told, .. } = attempt;
            let _ = writeln!(out, "  {:<8}  {what}, as {acting}: {told}", attempt.outcome.word());
            if statements || attempt.outcome == Outcome::Broken {
                for statement in &attempt.statements {
                    let _ = writeln!(out, "              {statement};");
                }
            }
            if statements && !attempt.control.is_empty() {
                let _ = writeln!(out, "            control:");
                for statement in &attempt.control {
                    let _ = writeln!(out, "              {statement};");
                }
            }
        }
        for untried in &self.untried {
            let word = if untried.open { "NOT TRIED" } else { "not tried" };
            let _ = writeln!(out, "{word}: {} (as {}): {}", untried.object, untried.role, untried.why);
        }
        let _ = writeln!(out, "{}", self.verdict());
        out
    }

    /// For programs.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            verdict: &'static str,
            held: usize,
            broken: usize,
            vacuous: usize,
            unproven: usize,
            not_tried: usize,
            #[serde(flatten)]
            report: &'a Report,
        }
        let document = Document {
            verdict: match self.exit_code() {
                0 => "held",
                1 => "broken",
                _ => "unproven",
            },
            held: self.count(Outcome::Held),
            broken: self.count(Outcome::Broken),
            vacuous: self.count(Outcome::Vacuous),
            unproven: self.count(Outcome::Unproven),
            not_tried: self.open(),
            report: self,
        };
        let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
        text.push('\n');
        text
    }
}
