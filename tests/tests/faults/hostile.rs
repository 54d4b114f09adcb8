//! Plugins that no compiler would make: a core module in text that speaks the contract's canonical ABI by hand.

use std::fmt::Write as _;
use std::fs;

use kumiko_tests::{Place, repository};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// Where an answer is put together, 32 bytes.
const ANSWER: usize = 512;

/// Where a host function leaves its result. A fault in it lies as a fault of the call does, so it can be handed on as it is.
pub(crate) const RETURN: usize = 256;

/// Where the description begins.
const DESCRIPTION: usize = 1024;

/// Where a guest's own data may lie, up to [`HEAP`].
pub(crate) const DATA: usize = 16 * 1024;

/// Where the memory begins that the guest hands out.
pub(crate) const HEAP: usize = 64 * 1024;

/// Hands out memory from [`HEAP`] on and grows it as it must.
const REALLOC: &str = "
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
                            (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (block $fits
        (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $fits (i32.ne (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16))))))
        unreachable)
    (local.get $at)";

/// A plugin by the parts of its core module, as WebAssembly text.
pub(crate) struct Hostile<'a> {
    /// The capability's name, which is the file's as well.
    pub(crate) name: &'a str,
    /// The names of its tools. A guest tells them apart by their lengths.
    pub(crate) tools: &'a [&'a str],
    /// What it imports.
    pub(crate) imports: &'a str,
    /// Whatever else is in the module: functions, memories, data, a start.
    pub(crate) module: &'a str,
    /// The pages of its memory.
    pub(crate) pages: usize,
    /// The body of `describe` before it returns the description.
    pub(crate) describe: &'a str,
    /// The body of `call`: it leaves the address of an answer. `$tool_length` tells the tool, `$answer` makes an answer of a text.
    pub(crate) call: &'a str,
    /// The body of `realloc`, for which there is `$size` and `$align`.
    pub(crate) realloc: &'a str,
}

impl Default for Hostile<'_> {
    fn default() -> Self {
        Self {
            name: "hostile",
            tools: &["hostile"],
            imports: "",
            module: "",
            pages: 2,
            describe: "",
            call: "(call $done)",
            realloc: REALLOC,
        }
    }
}

impl Hostile<'_> {
    /// Puts the component into a place's plugin folder, whole from the first moment.
    pub(crate) fn install(&self, place: &Place) {
        self.install_with_memories(place, 0, 0);
    }

    /// The same with so many further core instances, each with a memory of its own.
    pub(crate) fn install_with_memories(&self, place: &Place, memories: usize, pages: usize) {
        let incoming = place.plugins().join(format!(".{}", self.name));
        fs::write(&incoming, with_memories(self.component(), memories, pages)).unwrap();
        fs::rename(incoming, place.plugins().join(format!("{}.wasm", self.name))).unwrap();
    }

    /// The component.
    fn component(&self) -> Vec<u8> {
        let (resolve, world) = contract();
        let mut module =
            wat::parse_str(self.text()).unwrap_or_else(|error| panic!("{}: {error}\n{}", self.name, self.text()));
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        let encoder = ComponentEncoder::default().validate(true).module(&module);
        encoder.and_then(|mut encoder| encoder.encode()).unwrap_or_else(|error| panic!("{}: {error:#}", self.name))
    }

    fn text(&self) -> String {
        let (description, address) = self.description();
        let done = br#"{"done":true}"#;
        let Self { imports, module, pages, describe, call, realloc, .. } = self;
        format!(
            r#"(module
{imports}
(memory (export "memory") {pages})
(global $heap (mut i32) (i32.const {HEAP}))
(data (i32.const {DESCRIPTION}) "{bytes}{done}")
{module}
(func $answer (param $text i32) (param $length i32) (result i32)
    (i32.store8 (i32.const {ANSWER}) (i32.const 0))
    (i32.store8 offset=8 (i32.const {ANSWER}) (i32.const 0))
    (i32.store8 offset=12 (i32.const {ANSWER}) (i32.const 1))
    (i32.store offset=16 (i32.const {ANSWER}) (local.get $text))
    (i32.store offset=20 (i32.const {ANSWER}) (local.get $length))
    (i32.store offset=24 (i32.const {ANSWER}) (i32.const 0))
    (i32.store offset=28 (i32.const {ANSWER}) (i32.const 0))
    (i32.const {ANSWER}))
(func $done (result i32) (call $answer (i32.const {done_at}) (i32.const {done_length})))
(func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
{realloc})
(func (export "kumiko:plugin/tools@1.0.0#describe") (result i32)
{describe}
(i32.const {address}))
(func (export "kumiko:plugin/tools@1.0.0#call")
    (param $tool i32) (param $tool_length i32) (param $arguments i32) (param $arguments_length i32)
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $i i32) (local $j i32)
{call})
)"#,
            bytes = quoted(&description),
            done = quoted(done),
            done_at = DESCRIPTION + description.len(),
            done_length = done.len(),
        )
    }

    /// The `manifest` as it lies in memory from [`DESCRIPTION`] on, and the address of the record.
    fn description(&self) -> (Vec<u8>, usize) {
        let mut memory = Memory(Vec::new());
        let name = memory.text(self.name);
        let version = memory.text("1.0.0");
        let description = memory.text("Does what no plugin should.");
        let schema = memory.text(r#"{"type":"object"}"#);
        let tools: Vec<_> = self.tools.iter().map(|tool| memory.text(tool)).collect();
        memory.align();
        let list = memory.end();
        for tool in &tools {
            // Name, title, description and input schema, no output schema, no effects promised, no aliases, not long-running.
            memory.words([*tool, *tool, description, schema].as_flattened());
            memory.words(&[0; 7]);
        }
        let record = memory.end();
        // No aliases, and no icon.
        let manifest = [&name[..], &[0, 0], &version, &description, &[0; 5], &[list, tools.len()]];
        memory.words(&manifest.concat());
        (memory.0, record)
    }
}

/// Bytes that will lie from [`DESCRIPTION`] on.
struct Memory(Vec<u8>);

impl Memory {
    fn end(&self) -> usize {
        DESCRIPTION + self.0.len()
    }

    fn text(&mut self, text: &str) -> [usize; 2] {
        let at = self.end();
        self.0.extend_from_slice(text.as_bytes());
        [at, text.len()]
    }

    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }

    fn words(&mut self, words: &[usize]) {
        for word in words {
            self.0.extend_from_slice(&u32::try_from(*word).unwrap().to_le_bytes());
        }
    }
}

/// The contract as the repository has it.
pub(crate) fn contract() -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(repository().join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("capability")).unwrap();
    (resolve, world)
}

/// Appends to a component a core module with a memory, and as many instances of it as are asked for.
fn with_memories(mut component: Vec<u8>, memories: usize, pages: usize) -> Vec<u8> {
    const CORE_MODULE: u8 = 1;
    const CORE_INSTANCE: u8 = 2;
    if memories == 0 {
        return component;
    }
    // Sections follow a head of 8 bytes: a kind, a length in LEB128, and the content.
    let (mut modules, mut at) = (0, 8);
    while at < component.len() {
        modules += u8::from(component[at] == CORE_MODULE);
        let (mut length, mut shift) = (0, 0);
        loop {
            at += 1;
            length |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] < 0x80 {
                break;
            }
        }
        at += 1 + length;
    }
    let module = wat::parse_str(format!("(module (memory {pages}))")).unwrap();
    component.extend([CORE_MODULE, u8::try_from(module.len()).unwrap()]);
    component.extend(module);
    for _ in 0..memories {
        // One instance of this module, without arguments.
        component.extend([CORE_INSTANCE, 4, 1, 0, modules, 0]);
    }
    component
}

/// Bytes as a string of WebAssembly text.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}
