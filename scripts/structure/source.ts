/** What the rules ask of a source file, C++ or TypeScript; read with tree-sitter, which understands both. */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import treeSitter, { type Language, type Node, type Query } from '@vscode/tree-sitter-wasm'

/** Something that has a name, and where it is. */
export interface Named {
  name: string
  line: number
}

export interface Source {
  /** Relative to the root, as all files here. */
  file: string
  /** A test or a bench: its identifiers matter, its shape does not. */
  isTest: boolean
  lines: number
  /** As they are written: `store/page_store.h`, `../errors.js`. */
  imports: Named[]
  identifiers: Named[]
  functions: (Named & { lines: number })[]
  parameterLists: (Named & { count: number })[]
  classes: (Named & { privateMethods: number })[]
  /** Calls of a member, `Get`, or of what is qualified, `Napi::String::New`. */
  calls: Named[]
  /** Functions that return nothing. */
  commands: Named[]
  /** Lines that were not understood, so that nothing in them would be found. */
  unread: Named[]
}

interface Grammar {
  language: Language
  query: Query
}

const queries = {
  cpp: `
    (preproc_include path: (string_literal (string_content) @import))
    [(identifier) (field_identifier) (type_identifier) (namespace_identifier) (statement_identifier)] @identifier
    (preproc_arg) @macro
    [(function_definition) (lambda_expression)] @function
    (parameter_list) @parameters
    [(class_specifier body: (_)) (struct_specifier body: (_))] @class
    (_ type: (primitive_type) @void
       declarator: (function_declarator declarator: [(identifier) (field_identifier) (qualified_identifier)] @command)
       (#eq? @void "void"))
    (call_expression function: [(field_expression field: (field_identifier) @call) (qualified_identifier) @call])
    (ERROR) @error`,
  typescript: `
    (import_statement source: (string (string_fragment) @import))
    (export_statement source: (string (string_fragment) @import))
    (call_expression function: (import) arguments: (arguments (string (string_fragment) @import)))
    [(identifier) (property_identifier) (private_property_identifier) (type_identifier)
     (shorthand_property_identifier) (shorthand_property_identifier_pattern) (statement_identifier)] @identifier
    [(function_declaration) (generator_function_declaration) (function_expression) (generator_function)
     (arrow_function) (method_definition)] @function
    (formal_parameters) @parameters
    [(class_declaration) (abstract_class_declaration) (class)] @class
    (_ name: (_) @command return_type: (type_annotation (predefined_type) @void) (#eq? @void "void"))
    (ERROR) @error`,
}

const require = createRequire(import.meta.url)

async function grammar(name: keyof typeof queries): Promise<Grammar> {
  await treeSitter.Parser.init()
  const folder = dirname(require.resolve('@vscode/tree-sitter-wasm'))
  const language = await treeSitter.Language.load(join(folder, `tree-sitter-${name}.wasm`))
  return { language, query: new treeSitter.Query(language, queries[name]) }
}

/** All C, C++ and TypeScript below the folders. */
export async function readSources(root: string, folders: readonly string[]): Promise<Source[]> {
  const cpp = await grammar('cpp')
  const typescript = await grammar('typescript')
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((file) => /\.(h|c|cc|ts)$/.test(file))
    .sort()
    .map((file) => read(root, file, file.endsWith('.ts') ? typescript : cpp))
}

function read(root: string, file: string, { language, query }: Grammar): Source {
  const text = readFileSync(join(root, file), 'utf8')
  const parser = new treeSitter.Parser()
  parser.setLanguage(language)
  const tree = parser.parse(text)!
  const source: Source = {
    file,
    isTest: /^native\/(test|bench)\//.test(file),
    lines: text.split('\n').length - 1,
    imports: [],
    identifiers: [],
    functions: [],
    parameterLists: [],
    classes: [],
    calls: [],
    commands: [],
    unread: [],
  }
  for (const { name, node } of query.captures(tree.rootNode)) take(source, name, node)
  tree.delete()
  parser.delete()
  return source
}

function take(source: Source, capture: string, node: Node): void {
  const line = node.startPosition.row + 1
  const lines = node.endPosition.row - node.startPosition.row + 1
  switch (capture) {
    case 'import':
      source.imports.push({ name: node.text, line })
      break
    case 'identifier':
      if (!isTestName(node)) source.identifiers.push({ name: node.text, line })
      break
    case 'macro':
      source.identifiers.push(...identifiersIn(node.text).map((name) => ({ name, line })))
      break
    case 'function':
      source.functions.push({ name: nameOf(node), line, lines })
      break
    case 'parameters':
      source.parameterLists.push({ name: nameOf(node.parent!), line, count: countParameters(node) })
      break
    case 'class':
      source.classes.push({ name: nameOf(node), line, privateMethods: countPrivateMethods(node) })
      break
    case 'call':
      source.calls.push({ name: node.text, line })
      break
    case 'command':
      source.commands.push({ name: node.text.replace(/.*::/, ''), line })
      break
    case 'error':
      // What spans lines may hide a function; less is a macro between two strings.
      if (lines > 1 || node.text.includes('{')) source.unread.push({ name: node.text.split('\n')[0]!, line })
      break
  }
}

/** What a macro stands for is text to the parser. */
function identifiersIn(text: string): string[] {
  return text.replace(/"(\\.|[^"\\])*"|\/\/.*|\/\*[\s\S]*?\*\//g, ' ').match(/[A-Za-z_]\w*/g) ?? []
}

/** `TEST(Store, HoldsWhatItWasGiven)`: a sentence, which keeps its verbs. */
function isTestName(node: Node): boolean {
  const list = node.parent?.parent
  return list?.type === 'parameter_list' && /^TEST/.test(list.parent?.text ?? '')
}

/** Of a function, a class or a declarator: as it is written, without where it belongs to. */
function nameOf(node: Node): string {
  // A lambda has the name of what it is assigned to, if anything.
  const named = [node, node.parent!].flatMap((each) => nameNode(each) ?? [])[0]
  if (named === undefined) return '(unnamed)'
  return nameNode(named) === null ? named.text : nameOf(named)
}

function nameNode(node: Node): Node | null {
  return node.childForFieldName('name') ?? node.childForFieldName('declarator')
}

function countParameters(list: Node): number {
  return list.children.filter((child) => child?.type === '...' || (child?.isNamed && child.type !== 'comment')).length
}

function countPrivateMethods(node: Node): number {
  const members = node.childForFieldName('body')!.children.flatMap((member) => (member ? [member] : []))
  if (node.type.endsWith('_specifier')) return countPrivateInCpp(members, node.type === 'class_specifier')
  return members.filter(
    (member) =>
      member.type === 'method_definition' &&
      member.children.some((child) => child?.text === 'private' || child?.type === 'private_property_identifier'),
  ).length
}

function countPrivateInCpp(members: readonly Node[], isPrivateAtFirst: boolean): number {
  let isPrivate = isPrivateAtFirst
  let count = 0
  for (const member of members) {
    if (member.type === 'access_specifier') isPrivate = member.text === 'private'
    else if (isPrivate && isMethod(member)) count++
  }
  return count
}

function isMethod(member: Node): boolean {
  if (member.type === 'template_declaration') return member.children.some((child) => child !== null && isMethod(child))
  if (member.children.some((child) => /^(delete|default)_method_clause$/.test(child?.type ?? ''))) return false
  let declarator = member.childForFieldName('declarator')
  while (/^(pointer|reference)_declarator$/.test(declarator?.type ?? '')) declarator = declarator!.lastNamedChild
  // A pointer to a function has its name in parentheses.
  return (
    declarator?.type === 'function_declarator' &&
    declarator.childForFieldName('declarator')?.type !== 'parenthesized_declarator'
  )
}
