//! Every loop of every shader ends: it counts by the same step towards a bound that stands still, and wgpu need not bound
//! it (gpu/pipeline.rs). Bounds are numbers of elements, far from where u32 wraps.

use std::collections::BTreeSet;

use gpu_bearing::gpu::shader::SHADERS;
use naga::{
    AddressSpace, BinaryOperator, Block, Expression, Function, Handle, Literal, LocalVariable, MathFunction,
    Module, Statement,
};

/// Fields of a shape that loops count by. The host never sets them to 0: a model with a stride of 0 is refused, and
/// owners are a constant. Nor does it set an override that is counted by to 0.
const STEPS: [&str; 2] = ["stride", "owners"];

/// One loop of a function.
struct Counting<'a> {
    module: &'a Module,
    function: &'a Function,
    body: &'a Block,
    continuing: &'a Block,
    of_body: Effects,
    of_continuing: Effects,
}

/// What a block does at each turn.
#[derive(Default)]
struct Effects {
    /// Locals that it writes, or lends to a function.
    written: BTreeSet<Handle<LocalVariable>>,
    /// Expressions that it evaluates anew.
    anew: BTreeSet<Handle<Expression>>,
}

/// Calls `visit` with every statement of a block and of the blocks in it.
fn every<'a>(block: &'a Block, visit: &mut impl FnMut(&'a Statement)) {
    for statement in block {
        visit(statement);
        match statement {
            Statement::Block(inner) => every(inner, visit),
            Statement::If { accept, reject, .. } => {
                every(accept, visit);
                every(reject, visit);
            }
            Statement::Switch { cases, .. } => cases.iter().for_each(|case| every(&case.body, visit)),
            Statement::Loop { body, continuing, .. } => {
                every(body, visit);
                every(continuing, visit);
            }
            _ => {}
        }
    }
}

/// The local that a pointer points into.
fn local(function: &Function, pointer: Handle<Expression>) -> Option<Handle<LocalVariable>> {
    match function.expressions[pointer] {
        Expression::LocalVariable(variable) => Some(variable),
        Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => local(function, base),
        _ => None,
    }
}

impl Effects {
    fn of(function: &Function, block: &Block) -> Self {
        let mut effects = Self::default();
        let Self { written, anew } = &mut effects;
        every(block, &mut |statement| match statement {
            Statement::Emit(range) => anew.extend(range.clone()),
            Statement::Store { pointer, .. } => written.extend(local(function, *pointer)),
            Statement::Call { arguments, result, .. } => {
                written.extend(arguments.iter().filter_map(|argument| local(function, *argument)));
                anew.extend(*result);
            }
            Statement::Atomic { result, .. } => anew.extend(*result),
            Statement::WorkGroupUniformLoad { result, .. }
            | Statement::SubgroupBallot { result, .. }
            | Statement::SubgroupGather { result, .. }
            | Statement::SubgroupCollectiveOperation { result, .. } => {
                anew.insert(*result);
            }
            _ => {}
        });
        effects
    }
}

impl<'a> Counting<'a> {
    fn new(module: &'a Module, function: &'a Function, body: &'a Block, continuing: &'a Block) -> Self {
        let of_body = Effects::of(function, body);
        let of_continuing = Effects::of(function, continuing);
        Self { module, function, body, continuing, of_body, of_continuing }
    }

    fn expression(&self, handle: Handle<Expression>) -> &'a Expression {
        &self.function.expressions[handle]
    }

    /// Whether `value` reads `counter`, and does so in the block with these effects.
    fn reads(&self, value: Handle<Expression>, counter: Handle<LocalVariable>, effects: &Effects) -> bool {
        let reads = matches!(self.expression(value), Expression::Load { pointer }
            if *self.expression(*pointer) == Expression::LocalVariable(counter));
        reads && effects.anew.contains(&value)
    }

    /// A number that stands in the file, or comes of such by arithmetic; overrides at their defaults.
    fn number(&self, value: Handle<Expression>) -> Option<u32> {
        let of = |expression: &Expression| match expression {
            Expression::Literal(Literal::U32(number)) => Some(*number),
            _ => None,
        };
        let global = |handle: Handle<Expression>| of(&self.module.global_expressions[handle]);
        match *self.expression(value) {
            Expression::Constant(constant) => global(self.module.constants[constant].init),
            Expression::Override(constant) => self.module.overrides[constant].init.and_then(global),
            Expression::Binary { op, left, right } => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                match op {
                    BinaryOperator::Multiply => left.checked_mul(right),
                    BinaryOperator::Divide => left.checked_div(right),
                    _ => None,
                }
            }
            Expression::Math { fun: MathFunction::Min, arg, arg1: Some(other), .. } => {
                Some(self.number(arg)?.min(self.number(other)?))
            }
            ref other => of(other),
        }
    }

    /// The field of a uniform struct that `value` reads.
    fn uniform_field(&self, value: Handle<Expression>) -> Option<&'a str> {
        let Expression::Load { pointer } = *self.expression(value) else { return None };
        let Expression::AccessIndex { base, index } = *self.expression(pointer) else { return None };
        let Expression::GlobalVariable(variable) = *self.expression(base) else { return None };
        let variable = &self.module.global_variables[variable];
        match &self.module.types[variable.ty].inner {
            naga::TypeInner::Struct { members, .. } if variable.space == AddressSpace::Uniform => {
                members[index as usize].name.as_deref()
            }
            _ => None,
        }
    }

    /// Whether a turn writes the local, or lends it.
    fn writes(&self, local: Handle<LocalVariable>) -> bool {
        self.of_body.written.contains(&local) || self.of_continuing.written.contains(&local)
    }

    /// Whether `value` is the same at every turn.
    fn stands(&self, value: Handle<Expression>) -> bool {
        if !self.of_body.anew.contains(&value) {
            // A constant, or evaluated before the loop.
            return true;
        }
        match *self.expression(value) {
            Expression::Load { pointer } => {
                let fixed = local(self.function, pointer).is_some_and(|variable| !self.writes(variable));
                fixed || self.uniform_field(value).is_some()
            }
            Expression::Binary { left, right, .. } => self.stands(left) && self.stands(right),
            Expression::Math { arg, arg1, arg2, arg3, .. } => {
                [Some(arg), arg1, arg2, arg3].into_iter().flatten().all(|argument| self.stands(argument))
            }
            Expression::AccessIndex { base, .. } => self.stands(base),
            _ => false,
        }
    }

    /// Whether `condition`, evaluated anew, holds only while `counter` has not reached the bound.
    fn bounds(&self, condition: Handle<Expression>, counter: Handle<LocalVariable>, up: bool) -> bool {
        if !self.of_body.anew.contains(&condition) {
            return false;
        }
        match *self.expression(condition) {
            Expression::Binary { op: BinaryOperator::Less, left, right } => {
                up && self.reads(left, counter, &self.of_body) && self.stands(right)
            }
            Expression::Binary { op: BinaryOperator::Greater, left, right } => {
                !up && self.reads(left, counter, &self.of_body) && self.number(right) == Some(0)
            }
            // `a && b` is a local that is false where a does not hold.
            Expression::Load { pointer: both } => {
                let is_false = |statement: &Statement| match statement {
                    Statement::Store { pointer, value } => {
                        self.expression(*pointer) == self.expression(both)
                            && *self.expression(*value) == Expression::Literal(Literal::Bool(false))
                    }
                    _ => false,
                };
                self.before_leaving().any(|statement| match statement {
                    Statement::If { condition, reject, .. } => {
                        reject.iter().any(is_false) && self.bounds(*condition, counter, up)
                    }
                    _ => false,
                })
            }
            _ => false,
        }
    }

    /// The statements of a turn before the one that may leave the loop.
    fn before_leaving(&self) -> impl Iterator<Item = &'a Statement> {
        self.body.iter().take_while(|statement| leaves(statement).is_none())
    }

    /// Why the loop might not end.
    fn fault(&self) -> Option<&'static str> {
        let others: Vec<&Statement> =
            self.continuing.iter().filter(|statement| !matches!(statement, Statement::Emit(_))).collect();
        let [Statement::Store { pointer, value }] = others[..] else { return Some("does not just count") };
        let Some(counter) = local(self.function, *pointer) else { return Some("does not count in a local") };
        let Expression::Binary { op, left, right: step } = *self.expression(*value) else {
            return Some("does not count by a sum");
        };
        let up = op == BinaryOperator::Add;
        let down = op == BinaryOperator::Subtract && self.number(step) == Some(1);
        let sums = self.of_continuing.anew.contains(value) && self.reads(left, counter, &self.of_continuing);
        if !(up || down) || !sums {
            return Some("counts otherwise than up, or down by 1");
        }
        let steps = self.number(step).is_some_and(|number| number > 0)
            || self.uniform_field(step).is_some_and(|field| STEPS.contains(&field));
        if !steps {
            return Some("counts by what may be 0");
        }
        if self.of_body.written.contains(&counter) {
            return Some("writes its counter");
        }
        // The first decision of a turn is whether there is one; `&&` alone may go before it.
        let conjoins = |statement: &Statement| match statement {
            Statement::If { accept, reject, .. } => accept.iter().chain(reject).all(|statement| {
                matches!(statement, Statement::Emit(_) | Statement::Call { .. } | Statement::Store { .. })
            }),
            statement => matches!(statement, Statement::Emit(_)),
        };
        if !self.before_leaving().all(conjoins) {
            return Some("does something before it looks at its bound");
        }
        match self.body.iter().find_map(leaves) {
            Some(condition) if self.bounds(condition, counter, up) => None,
            _ => Some("has a bound that moves"),
        }
    }
}

/// The condition without which a statement leaves the loop.
fn leaves(statement: &Statement) -> Option<Handle<Expression>> {
    match statement {
        Statement::If { condition, accept, reject }
            if accept.is_empty() && matches!(reject.first(), Some(Statement::Break)) =>
        {
            Some(*condition)
        }
        _ => None,
    }
}

/// The faults of a file's loops, and how many loops it has.
fn faults(module: &Module) -> (Vec<String>, usize) {
    let (mut faults, mut count) = (Vec::new(), 0);
    let entries = module.entry_points.iter().map(|entry| (Some(&entry.name), &entry.function));
    for (entry, function) in entries.chain(module.functions.iter().map(|(_, function)| (None, function))) {
        let name = entry.or(function.name.as_ref()).map_or("", String::as_str);
        every(&function.body, &mut |statement| {
            if let Statement::Loop { body, continuing, break_if } = statement {
                count += 1;
                let fault = match break_if {
                    Some(_) => Some("breaks behind its turn"),
                    None => Counting::new(module, function, body, continuing).fault(),
                };
                faults.extend(fault.map(|fault| format!("a loop of {name} {fault}")));
            }
        });
    }
    (faults, count)
}

#[test]
fn every_loop_of_every_shader_ends() {
    let mut loops = 0;
    for shader in SHADERS {
        let (faults, count) = faults(&shader.module().unwrap_or_else(|e| panic!("{e}")).module);
        assert_eq!(faults, Vec::<String>::new(), "{}", shader.file_name());
        loops += count;
    }
    assert!(loops > 100, "only {loops} loops found");
}

#[test]
fn a_loop_that_may_not_end_is_found() {
    let ends = |text: &str| {
        let source = format!(
            "struct Shape {{ step: u32, stride: u32, count: u32 }}
             @group(0) @binding(0) var<uniform> shape: Shape;
             @group(0) @binding(1) var<storage, read_write> y: array<u32>;
             var<workgroup> n: u32;
             var<workgroup> m: atomic<u32>;
             fn next(i: ptr<function, u32>) -> u32 {{ *i += 1u; return *i; }}
             @compute @workgroup_size(1) fn main() {{ var end = shape.count; {text} y[0] = end; }}"
        );
        let (faults, count) = faults(&naga::front::wgsl::parse_str(&source).unwrap());
        assert_eq!(count, 1, "{text}");
        faults.is_empty()
    };
    assert!(ends("for (var i = 0u; i < shape.count; i++) { y[i] = i; }"));
    assert!(ends("for (var i = 0u; i < min(end, 7u); i += shape.stride) { y[i] = i; }"));
    assert!(ends("for (var i = 0u; i < end && y[i] > 3u; i += 4u) { y[i] = i; }"));
    assert!(ends("for (var i = end; i > 0u; i--) { y[i] = i; }"));
    for text in [
        "for (var i = 0u; i < end; i += shape.step) { y[i] = i; }",
        "for (var i = 0u; i < end; i += y[0]) { y[i] = i; }",
        "for (var i = 0u; i < end; i++) { end = next(&end); }",
        "for (var i = 0u; i < end; i++) { end += 1u; }",
        "for (var i = 0u; i < end; i++) { i = 0u; }",
        "for (var i = 0u; i < y[0]; i++) { y[0] = i + 2u; }",
        "for (var i = 0u; i < end || y[i] > 3u; i++) { y[i] = i; }",
        "for (var i = 0u; i != end; i++) { y[i] = i; }",
        "for (var i = end; i > 0u; i -= 2u) { y[i] = i; }",
        "for (var i = 0u; i < end; i++) { next(&i); i = 0u; }",
        "for (var i = 0u; i < i + 1u; i += 2u) { y[i] = i; }",
        "var i = 0u; let c = i; for (; c < end; i++) { y[i] = i; }",
        "var i = 0u; let more = i < end; for (; more; i++) { y[i] = i; }",
        "var i = 0u; let c = i; for (; i < end; i = c + 1u) { y[i] = i; }",
        "for (var i = 0u; i < workgroupUniformLoad(&n); i++) { n = i + 2u; }",
        "for (var i = 0u; i < atomicAdd(&m, 2u); i++) { y[i] = i; }",
        "var i = 0u; loop { if i >= end { break; } y[i] = i; continuing { if end > 3u { i += 1u; } } }",
        "while end > 0u { y[0] = end; }",
        "loop { y[0] = 1u; if y[1] == 0u { break; } }",
    ] {
        assert!(!ends(text), "{text}");
    }
}
