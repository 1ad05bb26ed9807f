/** Every call that the package's types declare: each class, method, getter and function, with what it takes. */
import { join } from 'node:path'

import ts from 'typescript'

/** The names of what an argument has, and of what these have. */
export interface Shape {
  [name: string]: Shape
}

export interface DeclaredCall {
  /** `PageStore.storePage`, `new PageStore`, `explore`. */
  name: string
  parameters: { name: string; shape: Shape }[]
}

const folder = join(import.meta.dirname, '../../dist/lib')
const entries = ['index.d.ts', 'explore/index.d.ts'].map((file) => join(folder, file))

export function declaredCalls(): DeclaredCall[] {
  const program = ts.createProgram(entries, { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 })
  const checker = program.getTypeChecker()
  const exported = entries.flatMap((entry) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!
    return checker.getExportsOfModule(module)
  })
  return exported.flatMap((symbol) => callsOf(checker, aliased(checker, symbol)))
}

/** The functions of an interface in a file of the package, with the types of what they take, as they are written. */
export function declaredFunctions(file: string, name: string): { name: string; types: string[]; names: string[] }[] {
  const path = join(folder, file)
  const program = ts.createProgram([path], { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 })
  const checker = program.getTypeChecker()
  const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)!)!)
  const type = checker.getDeclaredTypeOfSymbol(symbols.find((symbol) => symbol.name === name)!)
  return checker.getPropertiesOfType(type).flatMap((member) => {
    const [signature] = checker.getTypeOfSymbol(member).getCallSignatures()
    if (signature === undefined) return []
    const names = signature.parameters.map((parameter) => parameter.name)
    const types = signature.parameters.map((parameter) => {
      const written = parameter.valueDeclaration as ts.ParameterDeclaration
      return written.type?.getText() ?? ''
    })
    return [{ name: member.name, types, names }]
  })
}

function aliased(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

function callsOf(checker: ts.TypeChecker, symbol: ts.Symbol): DeclaredCall[] {
  const { name } = symbol
  if (symbol.flags & ts.SymbolFlags.Function) return [callOf(checker, name, checker.getTypeOfSymbol(symbol))]
  if (!(symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface))) return []
  const members = membersOf(checker, name, checker.getDeclaredTypeOfSymbol(symbol))
  if (!(symbol.flags & ts.SymbolFlags.Class)) return members
  const type = checker.getTypeOfSymbol(symbol)
  const constructions = type.getConstructSignatures().map((each) => signatureOf(checker, `new ${name}`, each))
  return [...constructions, ...members, ...membersOf(checker, name, type)]
}

function membersOf(checker: ts.TypeChecker, owner: string, type: ts.Type): DeclaredCall[] {
  return checker
    .getPropertiesOfType(type)
    .filter((member) => isOurs(member) && member.name !== 'prototype' && !isPrivate(member))
    .map((member) => {
      const name = member.name.startsWith('__@dispose') ? 'dispose' : member.name
      return callOf(checker, `${owner}.${name}`, checker.getTypeOfSymbol(member))
    })
}

function isOurs(symbol: ts.Symbol): boolean {
  return symbol.declarations?.some((each) => each.getSourceFile().fileName.startsWith(folder)) === true
}

function isPrivate(symbol: ts.Symbol): boolean {
  return symbol.name.startsWith('__#') || symbol.name.startsWith('#')
}

/** What has no signature is got, and takes nothing. */
function callOf(checker: ts.TypeChecker, name: string, type: ts.Type): DeclaredCall {
  const [signature] = checker.getNonNullableType(type).getCallSignatures()
  return signature === undefined ? { name, parameters: [] } : signatureOf(checker, name, signature)
}

function signatureOf(checker: ts.TypeChecker, name: string, signature: ts.Signature): DeclaredCall {
  const parameters = signature.parameters.map((parameter) => ({
    name: parameter.name,
    shape: shapeOf(checker, checker.getTypeOfSymbol(parameter)),
  }))
  return { name, parameters }
}

/** Of objects that a caller writes; ours, what the engine makes, and functions have no shape. */
function shapeOf(checker: ts.TypeChecker, type: ts.Type): Shape {
  const parts = type.isUnion() ? type.types : [type]
  const shape: Shape = {}
  for (const part of parts) {
    const symbol = part.getSymbol()
    if (symbol === undefined || !isOurs(symbol) || symbol.flags & ts.SymbolFlags.Class) continue
    if (part.getCallSignatures().length > 0) continue
    for (const property of checker.getPropertiesOfType(part)) {
      shape[property.name] = shapeOf(checker, checker.getTypeOfSymbol(property))
    }
  }
  return shape
}
