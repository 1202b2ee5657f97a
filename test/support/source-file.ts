/** A source file as the architecture test sees it: what it imports, where it says `any`, how long it is. */
import { readFileSync } from 'node:fs'
import { Visitor, parseSync } from 'vite'

export interface Import {
  /** As written: './offset.ts', 'ws', 'node:http'. */
  readonly specifier: string
  readonly line: number
  /** Loaded with this file, by `import()` when that runs, or never because only types are named. */
  readonly kind: 'eager' | 'lazy' | 'type'
}

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string
  /** Of values and of types; static, re-exported and dynamic. */
  readonly imports: readonly Import[]
  readonly lines: number
  /** The lines that have the type `any`. */
  readonly anys: readonly number[]
}

export function readSource(path: string): SourceFile {
  return parseSource(path, readFileSync(path, 'utf8'))
}

export function parseSource(path: string, code: string): SourceFile {
  const { program, errors } = parseSync(path, code)
  if (errors[0]) throw new Error(`${path} does not parse: ${errors[0].message}`)
  const lineAt = (offset: number): number => code.slice(0, offset).split('\n').length
  const imports: Import[] = []
  const anys: number[] = []
  const note = (source: { value?: unknown; start: number } | null, kind: Import['kind']): void => {
    if (typeof source?.value !== 'string') return
    imports.push({ specifier: source.value, line: lineAt(source.start), kind })
  }
  new Visitor({
    ImportDeclaration: (node) => note(node.source, kindOf(node.importKind)),
    ExportNamedDeclaration: (node) => note(node.source, kindOf(node.exportKind)),
    ExportAllDeclaration: (node) => note(node.source, kindOf(node.exportKind)),
    // An import of a computed name, as of a user's app file, is not one of the project's own.
    ImportExpression: (node) => note(node.source, 'lazy'),
    TSImportType: (node) => note(node.source, 'type'),
    TSAnyKeyword: (node) => void anys.push(lineAt(node.start)),
  }).visit(program)
  return { path, imports, lines: code.trimEnd().split('\n').length, anys }
}

function kindOf(keyword: string | undefined): Import['kind'] {
  return keyword === 'type' ? 'type' : 'eager'
}
