//! For each function of the contract a guest that calls it with odd values. What a function takes is read from `wit/`.

use std::fmt::Write as _;

use kumiko_tests::Place;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId, WorldItem};

use super::texts::{BROKEN, FLOATS, HALF, LONGS, WORDS, texts};
use crate::hostile::{DATA, HEAP, Hostile, RETURN, contract, quoted};

/// Cases in one call of a caller.
pub(super) const CASES_A_CALL: usize = 250;

/// Where an element of a list is put together.
const SCRATCH: usize = 768;

/// Values that the contract rules out, which a compiler of its own would never let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// Texts that are no UTF-8.
    Broken,
    /// Texts with half of a surrogate pair.
    Half,
    /// Texts, lists and bytes far outside the memory, as long as can be.
    Outside,
    /// Handles that nobody has, and cases that a variant has not.
    Unknown,
}

impl Damage {
    pub(super) const ALL: [Self; 4] = [Self::Broken, Self::Half, Self::Outside, Self::Unknown];
}

/// A guest for one function.
pub(super) struct Caller {
    /// The capability's name, and the tool's that calls with odd values.
    pub(super) name: String,
    imports: String,
    module: String,
    call: String,
}

impl Caller {
    /// The tool that calls with values that are ruled out.
    pub(super) fn tool(&self, damage: Damage) -> String {
        self.name.clone() + &"x".repeat(damage as usize + 1)
    }

    pub(super) fn install(&self, place: &Place) {
        let damaged = Damage::ALL.map(|damage| self.tool(damage));
        let tools: Vec<_> = std::iter::once(&self.name).chain(&damaged).map(String::as_str).collect();
        let Self { name, imports, module, call, .. } = self;
        Hostile { name, tools: &tools, imports, module, pages: 4, call, ..Hostile::default() }.install(place);
    }
}

/// A caller for every function that the host offers to guests.
pub(super) fn callers() -> Vec<Caller> {
    let (resolve, world) = contract();
    let mut callers = Vec::new();
    for item in resolve.worlds[world].imports.values() {
        let WorldItem::Interface { id, .. } = item else { continue };
        let interface = resolve.id_of(*id).unwrap();
        // The functions of WASI trap where these answer.
        if interface.starts_with("kumiko:host/") {
            for function in resolve.interfaces[*id].functions.values() {
                let maker = Maker { resolve: &resolve, module: String::new() };
                callers.push(maker.caller(&interface, function));
            }
        }
    }
    callers
}

/// Makes the text of one caller.
struct Maker<'a> {
    resolve: &'a Resolve,
    module: String,
}

/// How handles of each resource are come by: a global, what has to be imported and done, and where the handle lies in the result.
const HANDLES: [(&str, &str, &str, &str); 4] = [
    (
        "frame",
        "kumiko:host/frames@1.0.0\" \"from-rows\" (func $make_frame (param i32 i32 i32)",
        r#"[{"a":1.5,"b":"x"},{"a":2.5,"b":"y"},{"a":0.5,"b":"x"},{"a":4,"b":"y"}]"#,
        "(call $make_frame (i32.const {at}) (i32.const {length}) (i32.const {return}))",
    ),
    (
        "pipeline",
        "kumiko:host/frames@1.0.0\" \"[static]pipeline.fit\" (func $make_pipeline (param i32 i32 i32 i32)",
        r#"{"kind":"unsupervised"}"#,
        "(call $make_pipeline (global.get $frame) (i32.const {at}) (i32.const {length}) (i32.const {return}))",
    ),
    (
        "model",
        "kumiko:host/models@1.0.0\" \"train\" (func $make_model (param i32 i32 i32 i32 i32 i32 i32 i32)",
        r#"{"algorithm":"ridge","task":"regression","target_column":"a"}"#,
        "(call $make_model (global.get $frame) (i32.const {at}) (i32.const {length}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
         (i32.const {return}))",
    ),
    (
        "upload",
        "kumiko:host/objects@1.0.0\" \"create\" (func $make_upload (param i32 i32 i32 i32 i32 i32 i32 i32 i32)",
        "s3://mlops/uploads/odd",
        "(call $make_upload (i32.const {at}) (i32.const {length}) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
         (i32.const 0) (i32.const {return}))",
    ),
];

impl Maker<'_> {
    fn caller(mut self, interface: &str, function: &Function) -> Caller {
        let name = name(interface, &function.name);
        let signature = self.resolve.wasm_signature(AbiVariant::GuestImport, function);
        assert!(!signature.indirect_params, "{name}: more parameters than this test passes");
        let flat = |types: &[WasmType]| types.iter().map(|each| core(*each)).collect::<Vec<_>>().join(" ");
        let mut imports = format!(
            "(import \"{interface}\" \"{}\" (func $odd (param {}) (result {})))\n",
            function.name,
            flat(&signature.params),
            flat(&signature.results)
        );
        let mut at = self.values();
        let mut body = self.handles(&mut imports, &mut at);
        let case = |damage| {
            let mut arguments: String =
                function.params.iter().map(|parameter| self.pass(parameter.ty, damage)).collect();
            if signature.retptr {
                let _ = write!(arguments, "(i32.const {RETURN})");
            }
            format!("(call $odd {arguments}) {}", "(drop) ".repeat(signature.results.len()))
        };
        for damage in Damage::ALL {
            let length = name.len() + damage as usize + 1;
            let case = case(Some(damage));
            let _ = writeln!(
                body,
                "(if (i32.eq (local.get $tool_length) (i32.const {length})) (then {case} (return (call $done))))"
            );
        }
        let broken_down = br#"{"broken_down":true}"#;
        let data = format!("(data (i32.const {at}) \"{}\")", quoted(broken_down));
        // A fault whose code begins with `internal` says that the host itself broke down.
        let check = format!(
            "(if (i32.load8_u (i32.const {RETURN})) (then
                (if (i32.ge_u (i32.load offset=20 (i32.const {RETURN})) (i32.const 8)) (then
                    (if (i64.eq (i64.load align=1 (i32.load offset=16 (i32.const {RETURN}))) (i64.const 0x6c616e7265746e69)) (then
                        (return (call $answer (i32.const {at}) (i32.const {})))))))))",
            broken_down.len()
        );
        let check = if function.result.is_some_and(|result| self.fails(result)) { check } else { String::new() };
        let case = case(None);
        let _ = write!(
            body,
            "(global.set $seed (i64.extend_i32_u (i32.add (local.get $arguments_length) (i32.const 1))))
             (loop $cases
                (global.set $heap (i32.const {HEAP}))
                {case}
                {check}
                (br_if $cases (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {CASES_A_CALL}))))
             (call $done)"
        );
        Caller { name, imports, module: self.module + &data, call: body }
    }

    /// Lays the odd values into the memory, with functions that draw one; the end of the data.
    fn values(&mut self) -> usize {
        let mut bytes = Vec::new();
        let texts: Vec<_> = texts()
            .iter()
            .map(|text| {
                let at = u32::try_from(DATA + bytes.len()).unwrap();
                bytes.extend_from_slice(text.as_bytes());
                [at, u32::try_from(text.len()).unwrap()]
            })
            .collect();
        let mut table = |values: Vec<u8>, size: usize| {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            let (at, count) = (DATA + bytes.len(), values.len() / size);
            bytes.extend(values);
            format!("(i32.add (i32.const {at}) (i32.mul (i32.const {size}) (call $draw (i32.const {count}))))")
        };
        let text = table(texts.as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect(), 8);
        let word = table(WORDS.iter().flat_map(|word| word.to_le_bytes()).collect(), 4);
        let long = table(LONGS.iter().flat_map(|long| long.to_le_bytes()).collect(), 8);
        let float = table(FLOATS.iter().flat_map(|float| float.to_le_bytes()).collect(), 8);
        let _ = writeln!(
            self.module,
            "(data (i32.const {DATA}) \"{}\")
             (global $seed (mut i64) (i64.const 1))
             (func $draw (param $below i32) (result i32)
                (global.set $seed (i64.add (i64.mul (global.get $seed) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
                (i32.rem_u (i32.wrap_i64 (i64.shr_u (global.get $seed) (i64.const 33))) (local.get $below)))
             (func $text (result i32 i32) (local $at i32)
                (local.set $at {text})
                (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))
             (func $store_text (param $to i32) (local $at i32) (local $length i32)
                (call $text) (local.set $length) (local.set $at)
                (i32.store (local.get $to) (local.get $at))
                (i32.store offset=4 (local.get $to) (local.get $length)))
             (func $word (result i32) (i32.load {word}))
             (func $long (result i64) (i64.load {long}))
             (func $float (result f64) (f64.load {float}))
             (data (i32.const {broken}) \"{}\")
             (data (i32.const {half}) \"{}\")",
            quoted(&bytes),
            quoted(&BROKEN),
            quoted(&HALF),
            broken = SCRATCH - 16,
            half = SCRATCH - 8,
        );
        DATA + bytes.len()
    }

    /// Imports what makes handles and has the guest make one of each; the beginning of its `call`.
    fn handles(&mut self, imports: &mut String, at: &mut usize) -> String {
        let mut prologue = String::new();
        for (resource, import, text, make) in HANDLES {
            let _ = writeln!(imports, "(import \"{import}))");
            let _ = writeln!(self.module, "(global ${resource} (mut i32) (i32.const 0))");
            let _ = writeln!(self.module, "(data (i32.const {at}) \"{}\")", quoted(text.as_bytes()));
            let make = make.replace("{at}", &at.to_string());
            let make = make.replace("{length}", &text.len().to_string()).replace("{return}", &RETURN.to_string());
            let _ = writeln!(
                prologue,
                "{make} (if (i32.load8_u (i32.const {RETURN})) (then (return (i32.const {RETURN}))))
                 (global.set ${resource} (i32.load offset=8 (i32.const {RETURN})))"
            );
            *at += text.len();
        }
        prologue
    }

    /// Leaves a value of this type as the flat values of a call: an odd one, or one that is ruled out.
    fn pass(&self, kind: Type, damage: Option<Damage>) -> String {
        let bytes = || match damage {
            Some(Damage::Broken) => format!("(i32.const {}) (i32.const {})", SCRATCH - 16, BROKEN.len()),
            Some(Damage::Half) => format!("(i32.const {}) (i32.const {})", SCRATCH - 8, HALF.len()),
            Some(Damage::Outside) => "(i32.const -16) (i32.const -1)".to_owned(),
            _ => "(call $text)".to_owned(),
        };
        let choice = |cases: usize| match damage {
            Some(Damage::Unknown) => "(i32.const 255)".to_owned(),
            _ => format!("(call $draw (i32.const {cases}))"),
        };
        let Type::Id(id) = kind else {
            return match kind {
                Type::String => bytes(),
                Type::U64 | Type::S64 => "(call $long)".to_owned(),
                Type::F64 => "(call $float)".to_owned(),
                Type::F32 => "(f32.demote_f64 (call $float))".to_owned(),
                _ => "(call $word)".to_owned(),
            };
        };
        match &self.resolve.types[id].kind {
            TypeDefKind::Type(other) => self.pass(*other, damage),
            TypeDefKind::Record(record) => record.fields.iter().map(|field| self.pass(field.ty, damage)).collect(),
            TypeDefKind::Tuple(tuple) => tuple.types.iter().map(|each| self.pass(*each, damage)).collect(),
            TypeDefKind::Enum(cases) => choice(cases.cases.len()),
            TypeDefKind::Option(some) => choice(2) + &self.pass(*some, damage),
            TypeDefKind::Variant(variant) => {
                // The contract's variants have one case with a value, so its flat form is that of all.
                let mut values = variant.cases.iter().filter_map(|case| case.ty);
                let value = values.next().map(|value| self.pass(value, damage)).unwrap_or_default();
                assert!(values.next().is_none(), "a variant that this test cannot make");
                choice(variant.cases.len()) + &value
            }
            TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource)) => match damage {
                Some(Damage::Unknown) => "(i32.const -1)".to_owned(),
                _ => format!("(global.get ${})", self.resource(*resource)),
            },
            TypeDefKind::List(Type::U8) => bytes(),
            TypeDefKind::List(_) if damage == Some(Damage::Outside) => bytes(),
            TypeDefKind::List(element) => {
                let (stores, _) = self.store(*element, SCRATCH);
                format!("{stores} (i32.const {SCRATCH}) (call $draw (i32.const 2))")
            }
            other => panic!("a {} is nothing that this test can make", other.as_str()),
        }
    }

    /// Stores an element of a list that is made of texts and handles; the text, and where the next one begins.
    fn store(&self, kind: Type, at: usize) -> (String, usize) {
        let all = |kinds: &mut dyn Iterator<Item = Type>| {
            kinds.fold((String::new(), at), |(text, at), kind| {
                let (more, next) = self.store(kind, at);
                (text + &more, next)
            })
        };
        let Type::Id(id) = kind else {
            assert_eq!(kind, Type::String, "an element that this test cannot make");
            return (format!("(call $store_text (i32.const {at}))"), at + 8);
        };
        match &self.resolve.types[id].kind {
            TypeDefKind::Type(other) => self.store(*other, at),
            TypeDefKind::Record(record) => all(&mut record.fields.iter().map(|field| field.ty)),
            TypeDefKind::Tuple(tuple) => all(&mut tuple.types.iter().copied()),
            TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource)) => {
                let handle = self.resource(*resource);
                (format!("(i32.store (i32.const {at}) (global.get ${handle}))"), at + 4)
            }
            other => panic!("a {} is nothing that this test can store", other.as_str()),
        }
    }

    /// The name of a resource, wherever it was taken from.
    fn resource(&self, id: TypeId) -> &str {
        match &self.resolve.types[id].kind {
            TypeDefKind::Type(Type::Id(other)) => self.resource(*other),
            _ => self.resolve.types[id].name.as_deref().unwrap_or_default(),
        }
    }

    /// Whether a result may be a fault.
    fn fails(&self, kind: Type) -> bool {
        matches!(kind, Type::Id(id) if matches!(self.resolve.types[id].kind, TypeDefKind::Result(_)))
    }
}

/// The capability that calls a function.
fn name(interface: &str, function: &str) -> String {
    let interface = interface.trim_start_matches("kumiko:host/").split('@').next().unwrap_or_default();
    format!("odd_{interface}_{function}").replace(|character: char| !character.is_ascii_alphanumeric(), "_")
}

fn core(kind: WasmType) -> &'static str {
    match kind {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}
