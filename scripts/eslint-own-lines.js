/**
 * ESLint rule: a function's own lines are limited. The named functions inside it are counted by
 * themselves: a factory that returns an object of closures is to its functions what a class is to
 * its methods. Blank lines and comments do not count; a callback written in place does.
 */
const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** Whether a function inside another one has a name of its own: declaration, variable, property. */
function isNamed(node) {
  if (node.type === 'FunctionDeclaration') return true;
  const { parent } = node;
  if (parent.type === 'VariableDeclarator') return parent.init === node;
  return (
    (parent.type === 'Property' || parent.type === 'MethodDefinition') && parent.value === node
  );
}

function nameOf(node) {
  return node.id?.name ?? node.parent.id?.name ?? node.parent.key?.name ?? 'this function';
}

/** Lines that hold code: neither blank nor only comment. */
function codeLines(source) {
  const lines = new Set();
  for (const token of source.ast.tokens) {
    for (let line = token.loc.start.line; line <= token.loc.end.line; line += 1) lines.add(line);
  }
  return lines;
}

export default {
  meta: {
    type: 'suggestion',
    schema: [{ type: 'integer', minimum: 1 }],
    messages: {
      long: '{{name}} has {{count}} lines of its own, at most {{max}}: take a step out of it',
    },
  },
  create(context) {
    const max = context.options[0] ?? 70;
    const code = codeLines(context.sourceCode);
    /** Functions being walked, innermost last, each with the lines that belong to others. */
    const open = [];
    const enter = (node) => open.push({ node, foreign: new Set() });
    const leave = (node) => {
      const { foreign } = open.pop();
      let count = 0;
      for (let line = node.loc.start.line; line <= node.loc.end.line; line += 1) {
        if (code.has(line) && !foreign.has(line)) count += 1;
      }
      if (count > max) {
        context.report({ node, messageId: 'long', data: { name: nameOf(node), count, max } });
      }
      const outer = open.at(-1);
      if (outer === undefined) return;
      if (!isNamed(node)) {
        for (const line of foreign) outer.foreign.add(line);
        return;
      }
      for (let line = node.loc.start.line; line <= node.loc.end.line; line += 1) {
        outer.foreign.add(line);
      }
    };
    const visitor = {};
    for (const type of FUNCTIONS) {
      visitor[type] = enter;
      visitor[`${type}:exit`] = leave;
    }
    return visitor;
  },
};
