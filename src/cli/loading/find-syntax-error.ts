/**
 * A program of its own, run by syntax-place.ts: compiles a file and the files it imports, whose paths are
 * relative, and runs none. On the first syntax error it fails as Node does, the place first.
 */
import { existsSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, resolve } from 'node:path'
import { SourceTextModule } from 'node:vm'

const visited = new Set<string>()

function visit(path: string): void {
  if (visited.has(path) || !/\.[cm]?[jt]s$/.test(path) || !existsSync(path)) return
  visited.add(path)
  const source = readFileSync(path, 'utf8')
  // Types become white space, so that lines stay where they are.
  const code = path.endsWith('ts') ? stripTypeScriptTypes(source) : source
  // Caught, the error would not say where: Node adds the place to what it prints.
  const module = new SourceTextModule(code, { identifier: path })
  // Node 22 before 22.20 does not tell what a module imports.
  for (const { specifier } of module.moduleRequests ?? []) {
    if (/^\.\.?\//.test(specifier)) visit(resolve(dirname(path), specifier))
  }
}

visit(process.argv[2] ?? '')
