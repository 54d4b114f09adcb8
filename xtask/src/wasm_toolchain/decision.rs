//! Which step leads to a toolchain, decided from facts alone.

use super::TARGET;
use crate::debian;
use crate::problem::{Outcome, Problem};

/// `rustup` or `debian`: limits the choice to that way.
pub(super) const CHOICE_VARIABLE: &str = "KUMIKO_WASM_TOOLCHAIN";

/// A way to a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Rustup,
    Debian,
}

/// What became of a means to obtain something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    NotHere,
    Untried,
    Failed,
}

/// What the decision rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// The one way that the person allows, if they say so.
    pub(super) chosen: Option<Way>,
    /// Whether the compiler in use has the target's standard library.
    pub(super) standard_library: bool,
    /// `rustup target add`.
    pub(super) rustup: Means,
    /// What Debian's toolchain lacks, in words; nothing where it is complete.
    pub(super) debian_lacks: Vec<String>,
    /// Installing Debian's packages.
    pub(super) packages: Means,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    BuildWith(Way),
    AddTarget,
    InstallPackages,
    GiveUp,
}

/// The cheapest step that the facts allow: what is there, before what has to be fetched.
pub(super) fn next_step(facts: &Facts) -> Step {
    let allowed = |way| facts.chosen.is_none_or(|chosen| chosen == way);
    if allowed(Way::Rustup) && facts.standard_library {
        Step::BuildWith(Way::Rustup)
    } else if allowed(Way::Rustup) && facts.rustup == Means::Untried {
        Step::AddTarget
    } else if allowed(Way::Debian) && facts.debian_lacks.is_empty() {
        Step::BuildWith(Way::Debian)
    } else if allowed(Way::Debian) && facts.packages == Means::Untried {
        Step::InstallPackages
    } else {
        Step::GiveUp
    }
}

/// Why no way is open, and how a person opens one.
pub(super) fn nothing_left(facts: &Facts) -> Problem {
    let mut reasons = Vec::new();
    if facts.chosen != Some(Way::Debian) {
        reasons.push(match facts.rustup {
            Means::NotHere => {
                format!("the compiler in use lacks the standard library of {TARGET}, and there is no rustup")
            }
            Means::Untried | Means::Failed => format!("`rustup target add {TARGET}` failed"),
        });
    }
    if facts.chosen != Some(Way::Rustup) {
        let packages = match facts.packages {
            Means::NotHere => {
                "packages cannot be installed here (that takes apt-get, and root or sudo without a password)"
            }
            Means::Untried | Means::Failed => "installing the packages did not change that",
        };
        reasons.push(format!("Debian's toolchain lacks {}, and {packages}", facts.debian_lacks.join(", ")));
    }
    Problem::new(format!("no toolchain here builds the plugins: {}", reasons.join("; "))).hint(format!(
        "either `rustup target add {TARGET}` with network, or on Debian `apt-get update && apt-get install {}`",
        debian::TOOLCHAIN_PACKAGES.join(" ")
    ))
}

/// Reads the person's choice.
pub(super) fn chosen_way(value: Option<&str>) -> Outcome<Option<Way>> {
    match value {
        None | Some("") => Ok(None),
        Some("rustup") => Ok(Some(Way::Rustup)),
        Some("debian") => Ok(Some(Way::Debian)),
        Some(other) => Err(Problem::new(format!("{CHOICE_VARIABLE} is `{other}`"))
            .hint(format!("set {CHOICE_VARIABLE} to `rustup` or `debian`, or leave it unset"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with rustup, Debian's packages within reach, and nothing obtained yet.
    fn fresh_machine() -> Facts {
        Facts {
            chosen: None,
            standard_library: false,
            rustup: Means::Untried,
            debian_lacks: vec!["rustc".to_owned()],
            packages: Means::Untried,
        }
    }

    #[test]
    fn a_standard_library_that_is_there_is_used() {
        let facts = Facts { standard_library: true, debian_lacks: Vec::new(), ..fresh_machine() };
        assert_eq!(next_step(&facts), Step::BuildWith(Way::Rustup));
    }

    #[test]
    fn a_fresh_machine_asks_rustup_first_then_debian_and_then_gives_up() {
        let mut facts = fresh_machine();
        assert_eq!(next_step(&facts), Step::AddTarget);
        facts.rustup = Means::Failed;
        assert_eq!(next_step(&facts), Step::InstallPackages);
        facts.packages = Means::Failed;
        assert_eq!(next_step(&facts), Step::GiveUp);
        facts.debian_lacks.clear();
        assert_eq!(next_step(&facts), Step::BuildWith(Way::Debian));
    }

    #[test]
    fn without_rustup_a_complete_debian_toolchain_is_used_at_once() {
        let facts = Facts { rustup: Means::NotHere, debian_lacks: Vec::new(), ..fresh_machine() };
        assert_eq!(next_step(&facts), Step::BuildWith(Way::Debian));
    }

    #[test]
    fn a_choice_closes_the_other_way() {
        let debian = Facts { chosen: Some(Way::Debian), standard_library: true, ..fresh_machine() };
        assert_eq!(next_step(&debian), Step::InstallPackages);
        let rustup =
            Facts { chosen: Some(Way::Rustup), rustup: Means::Failed, debian_lacks: Vec::new(), ..fresh_machine() };
        assert_eq!(next_step(&rustup), Step::GiveUp);
    }

    #[test]
    fn giving_up_says_what_is_missing_and_how_to_get_it() {
        let facts = Facts { rustup: Means::NotHere, packages: Means::NotHere, ..fresh_machine() };
        let words = nothing_left(&facts).to_string();
        for part in
            ["there is no rustup", "lacks rustc", "root or sudo", "rustup target add", "apt-get install rustc-web"]
        {
            assert!(words.contains(part), "`{part}` is not in: {words}");
        }
    }

    #[test]
    fn only_the_two_ways_can_be_chosen() {
        assert_eq!(chosen_way(None), Ok(None));
        assert_eq!(chosen_way(Some("debian")), Ok(Some(Way::Debian)));
        assert!(chosen_way(Some("nix")).unwrap_err().to_string().contains("is `nix`"));
    }
}
