/** How many names each public entry exports. The root is what an application needs, and no more. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** Most names of the entries that may not grow unnoticed. Raise one only for a name that every reader has to know. */
const BUDGETS: Readonly<Record<string, number>> = { 'src/index.ts': 85 }

it.each(Object.entries(BUDGETS))('%s exports at most %i names', (entry, budget) => {
  const names = exportedBy(entry)
  expect(names.length, `${entry} exports ${names.length}: ${names.join(', ')}`).toBeLessThanOrEqual(budget)
})

it('every error that is exported has a name that ends so', () => {
  const names = [
    'src/index.ts',
    'src/store.ts',
    'src/channels.ts',
    'src/chats.ts',
    'src/redis.ts',
    'src/client/index.ts',
    'src/client/chat/index.ts',
  ]
    .flatMap(exportedBy)
    .filter((name) => /(Error|Failure|Refused|Closed|Full|Moved|Unavailable)$/.test(name))
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) expect(name).toMatch(/Error$/)
})

it('one version of Node is needed, wherever it is said', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } }
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? []
  const check = readFileSync('src/cli/main.ts', 'utf8')
  expect(check).toContain(`major === ${major} && minor >= ${minor}`)
  expect(check).toContain(`Node ${major}.${minor} or later`)
  expect(readFileSync('docs/cli.md', 'utf8')).toContain(`Node ${major}.${minor} or later`)
  for (const template of ['chat', 'room', 'tutorial'])
    expect(readFileSync(`templates/${template}/package.json.template`, 'utf8')).toContain(engines.node)
})

function exportedBy(path: string): string[] {
  const source = readFileSync(path, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')
  return [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) =>
    names
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== ''),
  )
}
