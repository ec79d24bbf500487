//! A V4L2 device's controls as people see and set them.
//!
//! Used by [`crate::stream`], on a thread of its own and through a descriptor of its own: a control may block for seconds.
//! One that cannot be read is a problem of its own, and the others stay.

mod rules;
mod value;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::Serialize;
use v4l2_calls::controls::{self, Kind, Listed, Value};
use v4l2_calls::events::{self, Event};

use crate::problem::{Text, text};
pub use value::Shown;

/// As many events are taken at once.
const EVENTS_MAX: usize = 1024;

/// As many controls are named in a message that there is no such one.
const NAMED_MAX: usize = 40;

/// Names are alike from here on, of 1.
const ALIKE: f64 = 0.8;

/// A control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Control {
    /// As v4l2-ctl writes it: `exposure_time_absolute`.
    pub name: String,
    /// The driver's name for it.
    pub label: String,
    /// `integer`, `boolean`, `menu`, `integer_menu`, `button`, `integer64`, `bitmask` or `string`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What it belongs to.
    pub class: &'static str,
    /// The least value, or the least length of a string.
    pub min: i64,
    /// The greatest value, or the greatest length of a string.
    pub max: i64,
    /// The distance of two values.
    pub step: u64,
    /// The driver's own value.
    pub default: Option<Shown>,
    /// `None` if it has none, or cannot be read.
    pub value: Option<Shown>,
    /// The items of a menu.
    pub menu: Option<Vec<MenuItem>>,
    /// Another control decides now.
    pub inactive: bool,
    /// Which, if that is known.
    pub waits_for: Option<String>,
    /// It cannot be set.
    pub read_only: bool,
    /// It cannot be read.
    pub write_only: bool,
    #[serde(skip)]
    raw: controls::Control,
}

impl Control {
    fn check(&self, text: &str) -> Result<(), Text> {
        if self.read_only {
            return Err(text!("{} cannot be set: it is read-only.", &self.name));
        }
        value::parse(&self.name, text, &self.raw).map(drop)
    }
}

/// An item of a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MenuItem {
    /// The number that chooses it.
    pub value: i64,
    /// Its name.
    pub label: String,
}

/// A control that cannot be read or set, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlProblem {
    /// Its name.
    pub control: String,
    /// Why.
    pub problem: Text,
}

/// The controls of a device, as they are now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlList {
    /// Those that can be shown.
    pub controls: Vec<Control>,
    /// Those that are left out, and why.
    pub left_out: Vec<Text>,
    /// Those that cannot be read.
    pub problems: Vec<ControlProblem>,
}

impl ControlList {
    /// What a driver lists, with the value that `get` reads.
    pub(in crate::camera) fn of(
        listed: Listed,
        get: impl Fn(&controls::Control) -> io::Result<Option<Value>>,
    ) -> Self {
        let mut list = Self::default();
        let mut names = HashSet::new();
        for raw in listed.controls {
            let name = free_name(&raw, &mut names);
            let value = if raw.is_write_only() { Ok(None) } else { get(&raw) };
            if let Err(error) = &value {
                let problem = text!("{} cannot be read: {}", &name, said(error));
                list.problems.push(ControlProblem { control: name.clone(), problem });
            }
            list.controls.push(control(name, raw, value.unwrap_or_default()));
        }
        for (id, error) in &listed.unreadable {
            let control = rules::known_name(*id).map_or_else(|| numbered(*id), str::to_owned);
            let problem = text!("The camera does not say what {} is: {}", &control, said(error));
            list.problems.push(ControlProblem { control, problem });
        }
        let automatics: Vec<_> = list.controls.iter().map(|control| list.automatic(control)).collect();
        for (control, automatic) in list.controls.iter_mut().zip(automatics) {
            control.waits_for = automatic;
        }
        let arrays = listed.arrays.iter().take(controls::CONTROLS_MAX);
        list.left_out = arrays.map(|label| text!("{}: arrays are not supported", label)).collect();
        if listed.is_cut {
            list.left_out.push(text!("all beyond the first {}", controls::CONTROLS_MAX));
        }
        list
    }

    /// What an inactive control waits for, if it is known.
    fn automatic(&self, control: &Control) -> Option<String> {
        let mut automatics = rules::automatics(&control.name).filter(|_| control.inactive);
        automatics.find(|name| self.find(name).is_some()).map(str::to_owned)
    }

    /// The control of this name.
    pub fn find(&self, name: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.name == name)
    }

    /// Whether it is set again when the camera is opened: a button is pressed only once.
    pub fn can_be_kept(&self, name: &str) -> bool {
        self.find(name).is_none_or(|control| control.raw.kind != Kind::Button)
    }

    /// Whether this value can be wanted of a control.
    ///
    /// # Errors
    /// There is no such control, or it does not take this value.
    pub fn check(&self, name: &str, text: &str) -> Result<(), Text> {
        self.find(name).ok_or_else(|| self.unknown(name))?.check(text)
    }

    /// That there is no such control, with the nearest name.
    pub fn unknown(&self, name: &str) -> Text {
        if let Some(known) = self.problems.iter().find(|problem| problem.control == name) {
            return known.problem.clone();
        }
        let alike = |control: &&Control| strsim::jaro_winkler(&control.name, name);
        let nearest = self.controls.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
        match nearest.filter(|control| alike(control) >= ALIKE) {
            Some(control) => text!("The camera has no control {}: did you mean {}?", name, &control.name),
            None if self.controls.is_empty() => text!("The camera has no controls."),
            None => {
                let names = self.controls.iter().map(|control| control.name.as_str());
                let more = if self.controls.len() > NAMED_MAX { ", …" } else { "" };
                let names = names.take(NAMED_MAX).collect::<Vec<_>>().join(", ") + more;
                text!("The camera has no control {}: it has {}.", name, names)
            }
        }
    }
}

/// Who wants values: an automatic that they name stays as they set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Somebody, now: what cannot be set is said.
    Now,
    /// Settings, or what was set before, when a camera is opened: what waits for an automatic that is on goes without a word.
    Again,
}

/// A control whose value was not read within this time is not read again before the camera is opened again.
const SLOW: Duration = Duration::from_millis(500);

/// A descriptor for the controls of a device.
#[derive(Debug)]
pub struct ControlDevice {
    file: File,
    /// The controls that took longer than [`SLOW`] to fail.
    unread: Unread,
}

/// Controls that are not read any more.
#[derive(Debug, Default)]
struct Unread(RefCell<HashSet<u32>>);

impl Unread {
    /// What `get` reads, unless it failed slowly before.
    fn read<T>(&self, id: u32, get: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.0.borrow().contains(&id) {
            return Err(Errno::TIMEDOUT.into());
        }
        let begin = Instant::now();
        let value = get();
        if value.is_err() && begin.elapsed() > SLOW {
            self.0.borrow_mut().insert(id);
        }
        value
    }
}

impl ControlDevice {
    /// Opens the device a second time.
    ///
    /// # Errors
    /// That of open(2).
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = File::options().read(true).write(true).custom_flags(flags).open(path)?;
        Ok(Self { file, unread: Unread::default() })
    }

    /// Asks for events of these controls. A driver without events has none.
    pub fn subscribe(&self, list: &ControlList) {
        for control in &list.controls {
            let _has_none = events::subscribe_to_control(&self.file, control.raw.id);
        }
    }

    /// Waits until a control may have changed (`Ok(true)`; only if `listens`) or `waker` can be read.
    ///
    /// # Errors
    /// That of poll(2).
    pub fn wait(&self, waker: BorrowedFd<'_>, listens: bool) -> io::Result<bool> {
        events::wait(listens.then(|| self.file.as_fd()), waker)
    }

    /// Takes all events; returns whether a control changed.
    ///
    /// # Errors
    /// The device is gone.
    pub fn take_events(&self) -> io::Result<bool> {
        let mut changed = false;
        for _ in 0..EVENTS_MAX {
            match events::next(&self.file)? {
                Some(Event::Control(_)) => changed = true,
                Some(_) => {}
                None => break,
            }
        }
        Ok(changed)
    }

    /// All controls with their values.
    pub fn list(&self) -> ControlList {
        ControlList::of(controls::list(&self.file), |raw| {
            self.unread.read(raw.id, || controls::get(&self.file, raw).map(Some))
        })
    }

    /// All controls without values: reading one may take long.
    fn described(&self) -> ControlList {
        ControlList::of(controls::list(&self.file), |_| Ok(None))
    }

    /// Sets values, automatics first; an automatic that is on and is not wanted is switched off for what waits for it.
    /// Returns what could not be set, and why.
    pub fn set(&self, values: &BTreeMap<String, String>, wanted: Wanted) -> Vec<ControlProblem> {
        let mut order: Vec<_> = values.iter().collect();
        order.sort_by_key(|(name, _)| rules::rank(name));
        let list = if order.is_empty() { ControlList::default() } else { self.described() };
        let mut problems = Vec::new();
        for (name, text) in order {
            if let Err(problem) = self.set_one(&list, name, text, values, wanted) {
                problems.push(ControlProblem { control: name.clone(), problem });
            }
        }
        problems
    }

    fn set_one(
        &self,
        list: &ControlList,
        name: &str,
        text: &str,
        values: &BTreeMap<String, String>,
        wanted: Wanted,
    ) -> Result<(), Text> {
        let control = list.find(name).ok_or_else(|| list.unknown(name))?;
        // What was set before may have changed it.
        let raw = controls::again(&self.file, &control.raw).unwrap_or_else(|_| control.raw.clone());
        let control = self::control(control.name.clone(), raw, None);
        control.check(text)?;
        let waits_for = list.automatic(&control);
        if let Some(automatic) = waits_for.as_deref().and_then(|name| list.find(name)) {
            let is_wanted = values.contains_key(&automatic.name);
            if is_wanted && wanted == Wanted::Again {
                return Ok(());
            }
            if let Some(off) = rules::manual(&automatic.name, &automatic.raw).filter(|_| !is_wanted) {
                // If this fails, the driver says of the control itself what is wrong.
                let _tried = controls::set(&self.file, &automatic.raw, &Value::Number(off));
            }
        }
        let value = value::parse(name, text, &control.raw)?;
        controls::set(&self.file, &control.raw, &value).map_err(|error| match waits_for {
            Some(other) => {
                text!("{} cannot be set to {} while {} is on: {}", name, text, other, said(&error))
            }
            None => text!("{} cannot be set to {}: {}", name, text, said(&error)),
        })
    }

    /// Sets controls to the driver's own values: all, or one.
    pub fn reset(&self, only: Option<&str>) -> Vec<ControlProblem> {
        let list = self.described();
        let is_meant = |control: &&Control| {
            only.is_none_or(|name| name == control.name) && !control.read_only && control.default.is_some()
        };
        let mut order: Vec<_> = list.controls.iter().filter(is_meant).collect();
        // What an automatic governs can be set only before that is on again.
        order.sort_by_key(|control| std::cmp::Reverse(rules::rank(&control.name)));
        let mut problems = Vec::new();
        for control in order {
            let result = controls::set(&self.file, &control.raw, &Value::Number(control.raw.default));
            if let Err(error) = result
                && !control.inactive
            {
                let problem = text!("{} cannot be reset: {}", &control.name, said(&error));
                problems.push(ControlProblem { control: control.name.clone(), problem });
            }
        }
        problems
    }
}

/// What the driver answers, in words.
fn said(error: &io::Error) -> Text {
    match Errno::from_io_error(error) {
        Some(Errno::RANGE | Errno::INVAL) => text!("the driver does not take this value"),
        Some(Errno::ACCESS) => text!("the driver does not allow it now"),
        Some(Errno::BUSY | Errno::AGAIN | Errno::INTR) => text!("the camera is busy"),
        Some(Errno::IO | Errno::PIPE | Errno::PROTO | Errno::TIMEDOUT) => {
            text!("the camera does not answer properly")
        }
        Some(Errno::NODEV | Errno::NXIO) => text!("the camera is gone"),
        _ => error.into(),
    }
}

/// The control's name, which no other has.
fn free_name(raw: &controls::Control, names: &mut HashSet<String>) -> String {
    let own = Some(rules::name_of(&raw.label)).filter(|name| !name.is_empty());
    let own = own.unwrap_or_else(|| numbered(raw.id));
    let others = (2..).map(|number| format!("{own}_{number}"));
    let name = std::iter::once(own.clone()).chain(others).find(|name| !names.contains(name)).unwrap_or(own);
    names.insert(name.clone());
    name
}

/// A name for a control without one.
fn numbered(id: u32) -> String {
    format!("control_{id:08x}")
}

fn control(name: String, raw: controls::Control, value: Option<Value>) -> Control {
    let has_default = !matches!(raw.kind, Kind::String | Kind::Button);
    let items = raw.menu.iter().map(|item| MenuItem { value: item.index, label: item.label.clone() });
    Control {
        name,
        label: raw.label.clone(),
        kind: value::kind_name(raw.kind),
        class: raw.class(),
        min: raw.minimum,
        max: raw.maximum,
        step: raw.step,
        default: has_default.then(|| value::shown(raw.kind, Value::Number(raw.default))),
        value: value.map(|value| value::shown(raw.kind, value)),
        menu: matches!(raw.kind, Kind::Menu | Kind::IntegerMenu).then(|| items.collect()),
        inactive: raw.is_inactive(),
        waits_for: None,
        read_only: raw.is_read_only(),
        write_only: raw.is_write_only(),
        raw,
    }
}

#[cfg(test)]
mod tests;
