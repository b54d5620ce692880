//! The values of all sources, the stronger over the weaker: defaults, files, environment, flags.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::origin::{Origin, Place, line_and_column};
use super::problem::{Code, Problem};
use super::setting::{Given, Setting, Value, environment_name};
use super::suggestion;
use super::table::{ALTERNATIVES, SECTIONS, SETTINGS, find};
use crate::secret::Secret;

/// What a command was told about where its settings are.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Later ones are stronger. Beside each `name.toml`, the files of `name.d` are read after it.
    pub files: Vec<PathBuf>,
    /// `key=value`.
    pub flags: Vec<String>,
}

#[derive(Default)]
pub struct Values {
    found: BTreeMap<&'static str, Entry>,
    /// Settings whose value was refused already.
    broken: BTreeSet<&'static str>,
    /// All files that were read.
    pub files: Vec<Arc<PathBuf>>,
}

pub struct Entry {
    pub given: Given,
    pub origin: Origin,
}

/// What is wrong so far. While a file is no TOML, nobody can tell what is missing.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) list: Vec<Problem>,
    pub(super) incomplete: bool,
}

impl Values {
    pub(super) fn defaults() -> Self {
        let mut values = Self::default();
        for setting in SETTINGS {
            if let Some(given) = setting.default.and_then(|text| setting.kind.given(text)) {
                values.found.insert(setting.key, Entry { given, origin: Origin::Default });
            }
        }
        values
    }

    pub(super) fn collect(
        sources: &Sources,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> (Self, Problems) {
        let mut values = Self::defaults();
        let mut problems = Problems::default();
        for file in sources.files.iter().flat_map(|file| with_folder(file)) {
            values.file(file, &mut problems);
        }
        let mut environment: Vec<_> =
            environment.filter(|(name, _)| name.to_string_lossy().starts_with("NOD_")).collect();
        environment.sort();
        for (name, value) in environment {
            values.variable(&name.to_string_lossy(), value.to_str(), &mut problems.list);
        }
        for flag in &sources.flags {
            values.flag(flag, &mut problems.list);
        }
        values.choose(&mut problems.list);
        (values, problems)
    }

    /// What a setting was set to, wherever.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.found.get(key)
    }

    pub(super) fn origin(&self, key: &str) -> Option<Origin> {
        self.found.get(key).map(|entry| entry.origin.clone())
    }

    /// The value, or a problem, or none of both where the problem is known already.
    pub(super) fn read<T: Value>(&self, key: &'static str, problems: &mut Vec<Problem>) -> Option<T> {
        if self.broken.contains(key) {
            return None;
        }
        let Some(entry) = self.found.get(key) else {
            let value = T::absent();
            if value.is_none() {
                let help = format!("set it in nod.toml, or {} in the environment", environment_name(key));
                problems.push(Problem::new(Code::Missing, format!("{key} is missing")).help(help));
            }
            return value;
        };
        let value = T::parse(&entry.given);
        if value.is_none() {
            let said = if find(key).is_some_and(Setting::is_secret) {
                format!("{key} is not what it should be")
            } else {
                format!("{key} is {}", shortened(&entry.given.literal()))
            };
            let problem = Problem::new(Code::Value, said).at(Some(entry.origin.clone()));
            problems.push(problem.help(format!("expected {}", T::KIND.expected())));
        }
        value
    }

    /// As `read`, for rules that look at several settings: what is wrong with each is said elsewhere.
    pub(super) fn get<T: Value>(&self, key: &str) -> Option<T> {
        self.found.get(key).and_then(|entry| T::parse(&entry.given))
    }

    /// Whether a value was refused already.
    pub(super) fn is_broken(&self, key: &str) -> bool {
        self.broken.contains(key)
    }

    fn put(&mut self, setting: &'static Setting, given: Given, origin: Origin) {
        self.broken.remove(setting.key);
        self.found.insert(setting.key, Entry { given, origin });
    }

    fn refuse(&mut self, setting: &'static Setting, origin: Origin, found: &str, problems: &mut Vec<Problem>) {
        self.broken.insert(setting.key);
        let message = format!("{} is {found}", setting.key);
        let help = format!("expected {}", setting.kind.expected());
        problems.push(Problem::new(Code::Type, message).at(Some(origin)).help(help));
    }

    fn file(&mut self, path: PathBuf, problems: &mut Problems) {
        let file = Arc::new(path);
        let text = match std::fs::read_to_string(&*file) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("{} cannot be read: {error}", file.display());
                let help = "`nod config init` writes one";
                problems.list.push(Problem::new(Code::Unreadable, message).help(help));
                problems.incomplete = true;
                return;
            }
        };
        let number = self.files.len();
        self.files.push(Arc::clone(&file));
        let place = |offset: usize| {
            let (line, column) = line_and_column(&text, offset);
            Origin::File(Place { file: Arc::clone(&file), number, line, column })
        };
        let (table, errors) = DeTable::parse_recoverable(&text);
        for error in &errors {
            let at = place(error.span().map_or(0, |span| span.start));
            problems.list.push(Problem::new(Code::Syntax, error.message().replace('\n', " ")).at(Some(at)));
            problems.incomplete = true;
        }
        if errors.is_empty() {
            self.section(None, table.get_ref(), &place, &mut problems.list);
        }
    }

    fn section(
        &mut self,
        section: Option<&str>,
        table: &DeTable<'_>,
        place: &impl Fn(usize) -> Origin,
        problems: &mut Vec<Problem>,
    ) {
        for (key, value) in in_order(table) {
            let path =
                section.map_or_else(|| key.get_ref().to_string(), |section| format!("{section}.{}", key.get_ref()));
            let at = place(key.span().start);
            let is_section = section.is_none() && SECTIONS.iter().any(|(name, _)| *name == path);
            match (find(&path), value.get_ref()) {
                (None, DeValue::Table(inner)) if is_section => self.section(Some(&path), inner, place, problems),
                (None, _) if is_section => {
                    let problem = Problem::new(Code::Type, format!("{path} is a section, not a value"));
                    problems.push(problem.at(Some(at)).help(format!("write [{path}] and its settings below")));
                }
                (None, _) => problems.push(unknown(&path, at)),
                (Some(setting), found) => self.value(setting, found, place(value.span().start), problems),
            }
        }
    }

    fn value(&mut self, setting: &'static Setting, value: &DeValue<'_>, at: Origin, problems: &mut Vec<Problem>) {
        let given = given(value).map(|given| match given {
            Given::Text(text) if setting.is_secret() => Given::Secret(Secret::new(text)),
            other @ (Given::Text(_) | Given::Secret(_) | Given::Number(_) | Given::Switch(_) | Given::List(_)) => other,
        });
        match given {
            Ok(_) if setting.key == "keys.master_key" => {
                self.broken.insert(setting.key);
                let message = "keys.master_key stands in a file that is not made for secrets";
                let help = "use keys.master_key_file, keys.master_key_env, or NOD_KEYS__MASTER_KEY";
                problems.push(Problem::new(Code::Misplaced, message).at(Some(at)).help(help));
            }
            Ok(given) if setting.kind.takes(&given) => self.put(setting, given, at),
            Ok(given) => self.refuse(setting, at, given.shape(), problems),
            Err(found) => self.refuse(setting, at, found, problems),
        }
    }

    fn variable(&mut self, name: &str, value: Option<&str>, problems: &mut Vec<Problem>) {
        let path = name.trim_start_matches("NOD_").to_lowercase().replace("__", ".");
        let origin = Origin::Environment(name.to_owned());
        match find(&path) {
            Some(setting) => self.text(setting, value, origin, problems),
            // NOD_CONFIG and the like are no settings.
            None if path.contains('.') => problems.push(unknown(&path, origin)),
            None => {}
        }
    }

    /// A value of the environment or of a flag; `None`: it is no Unicode.
    fn text(&mut self, setting: &'static Setting, text: Option<&str>, at: Origin, problems: &mut Vec<Problem>) {
        match (text.and_then(|text| setting.kind.given(text)), text) {
            (Some(given), _) => self.put(setting, given, at),
            // Every text would do for a secret.
            (None, Some(text)) => self.refuse(setting, at, &shortened(&format!("{text:?}")), problems),
            (None, None) => self.refuse(setting, at, "no Unicode", problems),
        }
    }

    fn flag(&mut self, flag: &str, problems: &mut Vec<Problem>) {
        let Some((key, value)) = flag.split_once('=') else {
            problems.push(Problem::new(Code::Value, "--set is written key=value"));
            return;
        };
        let origin = Origin::Flag(format!("--set {key}"));
        match find(key) {
            Some(setting) if setting.is_secret() => {
                let message = format!("{key} is a secret: everybody on this machine sees the arguments of a command");
                let help = format!("use {} or {}_FILE", setting.environment(), setting.environment());
                problems.push(Problem::new(Code::Misplaced, message).at(Some(origin)).help(help));
            }
            Some(setting) => self.text(setting, Some(value), origin, problems),
            None => problems.push(unknown(key, origin)),
        }
    }

    /// Of settings that say the same, the one from the strongest source stays.
    fn choose(&mut self, problems: &mut Vec<Problem>) {
        for keys in ALTERNATIVES {
            let strongest = keys.iter().filter_map(|key| self.origin(key)).map(|origin| origin.rank()).max();
            let Some(strongest) = strongest else { continue };
            let mut stays: Option<&str> = None;
            for key in *keys {
                let Some(origin) = self.origin(key) else { continue };
                if origin.rank() < strongest || stays.is_some() {
                    self.found.remove(key);
                }
                if let Some(other) = stays.filter(|_| origin.rank() == strongest) {
                    let message = format!("{other} and {key} say the same thing twice");
                    problems.push(Problem::new(Code::Twice, message).at(Some(origin)).help("keep one of them"));
                } else if origin.rank() == strongest {
                    stays = Some(key);
                }
            }
        }
    }
}

/// `nod.toml`, then `nod.d/*.toml` in the order of their names.
fn with_folder(file: &Path) -> Vec<PathBuf> {
    let mut files = vec![file.to_owned()];
    if let Ok(entries) = std::fs::read_dir(file.with_extension("d")) {
        let mut parts: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        parts.retain(|part| part.extension().is_some_and(|extension| extension == "toml"));
        parts.sort();
        files.append(&mut parts);
    }
    files
}

/// As they stand in the file, so that the first mistake is told first.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn given(value: &DeValue<'_>) -> Result<Given, &'static str> {
    match value {
        DeValue::String(text) => Ok(Given::Text(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Given::Number)
            .map_err(|_| "a number that is too large"),
        DeValue::Boolean(on) => Ok(Given::Switch(*on)),
        DeValue::Array(array) => texts(array).map(Given::List).ok_or("a list of something else than texts"),
        DeValue::Float(_) => Err("a number with a fraction"),
        DeValue::Datetime(_) => Err("a date"),
        DeValue::Table(_) => Err("a table"),
    }
}

fn texts(array: &DeArray<'_>) -> Option<Vec<String>> {
    array.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
}

fn unknown(path: &str, at: Origin) -> Problem {
    let what = match &at {
        Origin::Environment(name) => format!("{name} is no setting"),
        Origin::Default | Origin::File(_) | Origin::Flag(_) => format!("there is no setting {path}"),
    };
    let problem = Problem::new(Code::UnknownKey, shortened(&what));
    let problem = match suggestion::nearest(path) {
        Some(near) => {
            let near = if matches!(at, Origin::Environment(_)) { environment_name(near) } else { near.to_owned() };
            problem.help(format!("did you mean {near}?"))
        }
        None => problem.help("`nod config show` lists all settings"),
    };
    problem.at(Some(at))
}

/// A mistake may be long; its message is not.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 100;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
