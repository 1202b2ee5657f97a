/** A folder with a provider of the AI SDK in its node_modules, which answers with what it was asked. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Written as plain text: what a user installs is no part of this project. */
const PROVIDER = `
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } }
export const anthropic = Object.assign((id) => anthropic.languageModel(id), {
  languageModel: (modelId) => ({
    specificationVersion: 'v4',
    provider: 'anthropic',
    modelId,
    supportedUrls: {},
    async doStream({ prompt }) {
      const said = prompt.at(-1).content.map((part) => part.type === 'text' ? part.text : part.mediaType).join(' + ')
      const parts = [
        { type: 'stream-start', warnings: [] },
        { type: 'reasoning-start', id: 'r' },
        { type: 'reasoning-delta', id: 'r', delta: 'Hm.' },
        { type: 'reasoning-end', id: 'r' },
        { type: 'source', sourceType: 'url', id: 's', url: 'https://example.com/', title: 'Example' },
        { type: 'text-start', id: 't' },
        { type: 'text-delta', id: 't', delta: modelId + ' was asked: ' },
        { type: 'text-delta', id: 't', delta: said },
        { type: 'text-end', id: 't' },
        { type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage },
      ]
      return { stream: new ReadableStream({ start(to) { for (const part of parts) to.enqueue(part); to.close() } }) }
    },
  }),
})
`

export async function folderWithProvider(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-models-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await installProvider(folder)
  return folder
}

export async function installProvider(folder: string): Promise<void> {
  await install(folder, '@ai-sdk/anthropic', PROVIDER)
  await install(folder, '@ai-sdk/groq', "import 'nowhere-to-be-found'")
  await install(folder, '@ai-sdk/xai', 'export const grok = {}')
}

/** As the real ones: a module alone, with conditions. */
async function install(folder: string, name: string, code: string): Promise<void> {
  const own = join(folder, 'node_modules', name)
  await mkdir(join(own, 'dist'), { recursive: true })
  const exports = {
    '.': { types: './dist/index.d.ts', import: './dist/index.js', default: './dist/index.js' },
  }
  await writeFile(
    join(own, 'package.json'),
    JSON.stringify({ name, version: '4.0.0', type: 'module', exports }),
  )
  await writeFile(join(own, 'dist/index.js'), code)
}
