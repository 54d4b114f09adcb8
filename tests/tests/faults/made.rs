//! Components made to order: a manifest of any content, for any contract, in a few kilobytes that compile at once.

use std::collections::HashMap;

use kumiko_tests::repository;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, ImportSection, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{Resolve, WorldId, WorldItem, WorldKey};

/// The contract that the host offers.
pub(crate) const CONTRACT: &str = "1.0.0";
/// The size of a page of linear memory.
const PAGE: usize = 64 * 1024;

/// A component to be made.
#[derive(Clone)]
pub(crate) struct Made {
    /// The capability's name.
    pub(crate) name: String,
    /// The plugin's version.
    pub(crate) version: String,
    /// Its tools.
    pub(crate) tools: Vec<Tool>,
    /// The version of the contract that it is made for; empty for none.
    pub(crate) contract: String,
    /// The world's items besides: `import a:b/c@1.0.0;`.
    pub(crate) world: String,
    /// Packages that these items come from, each as the text of a WIT file.
    pub(crate) packages: Vec<String>,
    /// Texts of the contract that are others in its copy of it.
    pub(crate) altered: Vec<(&'static str, &'static str)>,
    /// Whether it exports its tools.
    pub(crate) exports: bool,
    /// What every call answers, as JSON.
    pub(crate) answer: String,
}

/// A tool of a [`Made`].
#[derive(Clone)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) input: String,
    pub(crate) output: Option<String>,
}

impl Tool {
    /// A tool that takes anything.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: name.to_owned(),
            description: "Says its edition.".to_owned(),
            input: r#"{"type":"object"}"#.to_owned(),
            output: None,
        }
    }
}

/// A plugin `name` with a tool of the same name that answers with the number of its edition.
pub(crate) fn edition(name: &str, edition: usize) -> Vec<u8> {
    Made::new(name, edition).component()
}

impl Made {
    /// A plugin with one tool of its own name, which answers with its edition.
    pub(crate) fn new(name: &str, edition: usize) -> Self {
        Self {
            name: name.to_owned(),
            version: format!("1.0.{edition}"),
            tools: vec![Tool::new(name)],
            contract: CONTRACT.to_owned(),
            world: String::new(),
            packages: Vec::new(),
            altered: Vec::new(),
            exports: true,
            answer: format!(r#"{{"edition":{edition}}}"#),
        }
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        let (resolve, world) = self.world();
        let mut module = self.module(&resolve, world);
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the metadata");
        let mut encoder = ComponentEncoder::default().module(&module).expect("the module fits its world");
        encoder.encode().expect("a component")
    }

    fn world(&self) -> (Resolve, WorldId) {
        let wit = |file: &str| std::fs::read_to_string(repository().join("wit").join(file)).expect("the contract");
        // The worlds of the contract name more than is needed here.
        let own = |text: String| {
            let interfaces =
                text.split("\n/// What a plugin with prompts exports besides.").next().expect("text").to_owned();
            let version = if self.contract.is_empty() { String::new() } else { format!("@{}", self.contract) };
            let text = interfaces.replace("@1.0.0", &version);
            self.altered.iter().fold(text, |text, (from, to)| text.replace(from, to))
        };
        let mut resolve = Resolve::default();
        let log = wit("deps/host/log.wit").replace("package kumiko:host@1.0.0;", "");
        resolve.push_str("host.wit", &own(wit("deps/host/types.wit") + &log)).expect("the host's types");
        resolve.push_str("plugin.wit", &own(wit("plugin.wit"))).expect("the plugin's contract");
        for (number, text) in self.packages.iter().enumerate() {
            resolve.push_str(format!("{number}.wit"), text).expect("a package");
        }
        let tools = if self.exports { own("export kumiko:plugin/tools@1.0.0;".to_owned()) } else { String::new() };
        let text = format!("package made:here; world made {{ {} {tools} }}", self.world);
        let package = resolve.push_str("made.wit", &text).expect("a world");
        let world = resolve.select_world(&[package], Some("made")).expect("the world");
        (resolve, world)
    }

    /// A core module that fits the world: every import declared, `describe` and `call` answered from memory.
    fn module(&self, resolve: &Resolve, world: WorldId) -> Vec<u8> {
        let mut data = Data::new();
        let (describe, call) = (self.describe(&mut data), self.call(&mut data));
        let (mut types, mut imports, mut functions) =
            (TypeSection::new(), ImportSection::new(), FunctionSection::new());
        let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
        let mut declared = 0;
        let mut signature = |types: &mut TypeSection, signature: &WasmSignature| {
            types.ty().function(values(&signature.params), values(&signature.results));
            declared += 1;
            declared - 1
        };
        let mut known = 0;
        for (key, item) in &resolve.worlds[world].imports {
            let WorldItem::Interface { id, .. } = item else { continue };
            for function in resolve.interfaces[*id].functions.values() {
                let kind = signature(&mut types, &resolve.wasm_signature(AbiVariant::GuestImport, function));
                imports.import(&resolve.name_world_key(key), &function.name, wasm_encoder::EntityType::Function(kind));
                known += 1;
            }
        }
        for (key, item) in &resolve.worlds[world].exports {
            let (WorldItem::Interface { id, .. }, WorldKey::Interface(_)) = (item, key) else { continue };
            for function in resolve.interfaces[*id].functions.values() {
                let form = resolve.wasm_signature(AbiVariant::GuestExport, function);
                functions.function(signature(&mut types, &form));
                let mut body = Function::new([]);
                match function.name.as_str() {
                    "describe" => body.instructions().i32_const(describe).end(),
                    "call" => body.instructions().i32_const(call).end(),
                    _ => body.instructions().unreachable().end(),
                };
                code.function(&body);
                exports.export(&format!("{}#{}", resolve.name_world_key(key), function.name), ExportKind::Func, known);
                known += 1;
            }
        }
        let i32s = |count| WasmSignature {
            params: vec![WasmType::I32; count],
            results: vec![WasmType::I32],
            indirect_params: false,
            retptr: false,
        };
        functions.function(signature(&mut types, &i32s(4)));
        code.function(&allocate());
        exports.export("cabi_realloc", ExportKind::Func, known);
        exports.export("memory", ExportKind::Memory, 0);
        let end = data.bytes.len().next_multiple_of(8);
        let mut memory = MemorySection::new();
        let minimum = u64::try_from((end + 16 * PAGE).div_ceil(PAGE)).expect("a number");
        memory.memory(MemoryType { minimum, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let mut globals = GlobalSection::new();
        let heap = i32::try_from(end).expect("a number");
        globals
            .global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &ConstExpr::i32_const(heap));
        let mut segments = DataSection::new();
        segments.active(0, &ConstExpr::i32_const(0), data.bytes);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memory).section(&globals);
        module.section(&exports).section(&code).section(&segments);
        module.finish()
    }

    /// Lays out the manifest as the component model has it in memory; its address.
    fn describe(&self, data: &mut Data) -> i32 {
        let mut tools = Vec::new();
        for tool in &self.tools {
            for text in [&tool.name, &tool.title, &tool.description, &tool.input] {
                tools.extend(data.text(text));
            }
            tools.extend(u32::from(tool.output.is_some()).to_le_bytes());
            tools.extend(data.text(tool.output.as_deref().unwrap_or_default()));
            // Annotations, no aliases, not long-running.
            tools.extend([1, 0, 1, 0]);
            tools.extend([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        let list = data.put(&tools);
        let mut manifest = Vec::new();
        manifest.extend(data.text(&self.name));
        manifest.extend([8, 0, 0, 0, 0, 0, 0, 0]);
        manifest.extend(data.text(&self.version));
        manifest.extend(data.text("A component made to order."));
        // No icon.
        manifest.extend([0; 20]);
        manifest.extend(list.to_le_bytes());
        manifest.extend(u32::try_from(self.tools.len()).expect("a number").to_le_bytes());
        data.put(&manifest)
    }

    /// Lays out the answer of every call; its address.
    fn call(&self, data: &mut Data) -> i32 {
        // The result: well; the answer: complete; its structured part: there.
        let mut answer = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        answer.extend(data.text(&self.answer));
        answer.extend([8, 0, 0, 0, 0, 0, 0, 0]);
        // As long as the longest fault.
        answer.extend([0; 48]);
        data.put(&answer)
    }
}

/// `cabi_realloc` that hands out what lies behind the last piece and takes nothing back.
fn allocate() -> Function {
    let mut body = Function::new([(1, ValType::I32)]);
    let (alignment, size, place) = (2, 3, 4);
    body.instructions()
        .global_get(0)
        .local_get(alignment)
        .i32_add()
        .i32_const(1)
        .i32_sub()
        .i32_const(0)
        .local_get(alignment)
        .i32_sub()
        .i32_and()
        .local_tee(place)
        .local_get(size)
        .i32_add()
        .global_set(0)
        .local_get(place)
        .end();
    body
}

fn values(types: &[WasmType]) -> Vec<ValType> {
    let value = |kind: &WasmType| match kind {
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
    };
    types.iter().map(value).collect()
}

/// The initial memory; texts that occur again are there once.
struct Data {
    bytes: Vec<u8>,
    texts: HashMap<String, i32>,
}

impl Data {
    fn new() -> Self {
        // The first bytes are where empty lists lie.
        Self { bytes: vec![0; 16], texts: HashMap::new() }
    }

    fn put(&mut self, bytes: &[u8]) -> i32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let place = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        i32::try_from(place).expect("a number")
    }

    fn text(&mut self, text: &str) -> [u8; 8] {
        let place = match self.texts.get(text) {
            Some(place) => *place,
            None => {
                let place = self.put(text.as_bytes());
                self.texts.insert(text.to_owned(), place);
                place
            }
        };
        let mut pair = [0; 8];
        pair[..4].copy_from_slice(&place.to_le_bytes());
        pair[4..].copy_from_slice(&u32::try_from(text.len()).expect("a number").to_le_bytes());
        pair
    }
}

/// The component with a custom section of so many bytes right behind its head, so that it is whole only with its last byte.
pub(crate) fn padded(component: &[u8], bytes: usize) -> Vec<u8> {
    let mut padded = component[..8].to_vec();
    section(&mut padded, 0, &custom("padding", bytes));
    padded.extend_from_slice(&component[8..]);
    padded
}

/// The component with a core module that it does not use.
pub(crate) fn with_module(component: &[u8], module: &[u8]) -> Vec<u8> {
    let mut whole = component.to_vec();
    section(&mut whole, 1, module);
    whole
}

/// A component that is nothing but a core module.
pub(crate) fn of_module(module: &[u8]) -> Vec<u8> {
    with_module(b"\0asm\x0d\0\x01\0", module)
}

fn custom(name: &str, bytes: usize) -> Vec<u8> {
    let mut content = vec![u8::try_from(name.len()).expect("a short name")];
    content.extend_from_slice(name.as_bytes());
    content.resize(content.len() + bytes, 0x5a);
    content
}

fn section(target: &mut Vec<u8>, id: u8, content: &[u8]) {
    target.push(id);
    let mut left = content.len();
    loop {
        let byte = u8::try_from(left & 0x7f).expect("seven bits");
        left >>= 7;
        if left == 0 {
            target.push(byte);
            break;
        }
        target.push(byte | 0x80);
    }
    target.extend_from_slice(content);
}
