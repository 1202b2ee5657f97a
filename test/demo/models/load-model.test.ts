/** Models by their names, from packages of the user's project, in the demo. */
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { createDemoApplication } from '../../../src/demo/application.ts'
import { loadDemoChat } from '../../../src/demo/load-demo-chat.ts'
import type { DemoModel } from '../../../src/demo/models/demo-model.ts'
import { loadModel } from '../../../src/demo/models/load-model.ts'
import { NodeChat, transportOf } from '../../endpoints/chat/chat-server.ts'
import { collect } from '../../support/collect.ts'
import { collectingLogger } from '../../support/logger.ts'
import { upstream } from '../../support/upstream.ts'
import { folderWithProvider } from './provider-package.ts'

const KEYS = { ANTHROPIC_API_KEY: 'key', GROQ_API_KEY: 'key', XAI_API_KEY: 'key', MISTRAL_API_KEY: 'key' }
const PNG = 'data:image/png;base64,iVBORw0KGgo='

const load = async (name: string, environment: Record<string, string> = KEYS): Promise<DemoModel> =>
  await loadModel(name, { environment, folder: await folderWithProvider() })

/** The address of a demo in which the model answers. */
const demoWith = async (model: DemoModel): Promise<string> => {
  const logger = collectingLogger()
  const options = { logger, environment: {}, model, chat: await loadDemoChat(logger) }
  const application = createDemoApplication(options)
  onTestFinished(() => application.close())
  return (await application.listen({ port: 0 })).url
}

test('a model of a package in the folder answers chats, with its reasoning and its sources', async () => {
  const demo = await demoWith(await load('anthropic/claude-haiku-5-5'))
  const page = new NodeChat('c1', transportOf('DefaultChatTransport', `${demo}/api/chat`))
  await page.sendMessage({ text: 'Why?' })
  expect(page.error).toBeUndefined()
  expect(page.messages[1]?.parts).toMatchObject([
    { type: 'step-start' },
    { type: 'reasoning', text: 'Hm.' },
    { type: 'source-url', url: 'https://example.com/', title: 'Example' },
    { type: 'text', text: 'claude-haiku-5-5 was asked: Why?' },
  ])
})

test('it is given the pictures of a message, and other files are refused in a sentence', async () => {
  const demo = await demoWith(await load('anthropic/claude-haiku-5-5'))
  const page = new NodeChat('c1', transportOf('DefaultChatTransport', `${demo}/api/chat`))
  const picture = { type: 'file' as const, mediaType: 'image/png', url: PNG }
  await page.sendMessage({ text: 'Look', files: [picture] })
  expect(page.text).toMatch(/asked: (Look \+ image\/png|image\/png \+ Look)$/)
  const archive = {
    type: 'file' as const,
    mediaType: 'application/zip',
    filename: 'a.zip',
    url: 'data:application/zip;base64,UEs=',
  }
  await page.sendMessage({ text: 'And this', files: [archive] })
  expect(page.error?.message).toBe(
    'a.zip cannot be read. The model takes pictures (PNG, JPEG, WebP, GIF) and PDF.',
  )
  const elsewhere = { ...picture, url: 'http://127.0.0.1:9/secret.png' }
  await page.sendMessage({ text: 'Fetch', files: [elsewhere] })
  expect(page.error?.message).toMatch(/PDF, sent with the message\.$/)
  // What was refused before breaks nothing.
  await page.sendMessage({ text: 'Go on' })
  expect(page.error).toBeUndefined()
  expect(page.text).toBe('claude-haiku-5-5 was asked: Go on')
})

test('it answers the runs of the page, and the page is told what answers', async () => {
  const demo = await demoWith(await load('anthropic:claude-haiku-5-5'))
  const client = connect(demo)
  const answer = await client.start({ prompt: 'Why?' }, { kind: 'answer' })
  expect(await collect(answer)).toEqual(['claude-haiku-5-5 was asked: ', 'Why?'])
  client.close()
  const response = await fetch(`${demo}/api/model`)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(await response.json()).toEqual({
    name: 'anthropic/claude-haiku-5-5',
    isScripted: false,
    canResume: false,
    accept: 'image/png,image/jpeg,image/webp,image/gif,application/pdf',
  })
})

test('a model of OpenAI needs no package, and can be resumed in the background', async () => {
  const environment = { OPENAI_API_KEY: 'sk-1' }
  expect(await load('openai/gpt-5.5', environment)).toMatchObject({ name: 'gpt-5.5', canResume: false })
  expect(await load('openai/gpt-5.5', { ...environment, OPENAI_BACKGROUND: '1' })).toMatchObject({
    canResume: true,
  })
})

test('a service that speaks Chat Completions is reached at its address, as Ollama is', async () => {
  const service = await upstream(({ res, body }) => {
    const { model } = JSON.parse(body) as { model: string }
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const chunk = (delta: object, finish_reason: string | null = null): string =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason }] })}\n\n`
    res.write(
      chunk({ role: 'assistant', content: '', reasoning: 'Hm.' }) + chunk({ content: `I am ${model}.` }),
    )
    res.end(`${chunk({}, 'stop')}data: [DONE]\n\n`)
  })
  const model = await loadModel('ollama/llama3.3:8b', {
    environment: { OLLAMA_BASE_URL: service.baseURL },
    folder: process.cwd(),
  })
  const demo = await demoWith(model)
  const page = new NodeChat('c1', transportOf('DefaultChatTransport', `${demo}/api/chat`))
  await page.sendMessage({ text: 'Who are you?' })
  expect(page.error).toBeUndefined()
  expect(page.text).toBe('I am llama3.3:8b.')
  expect(service.requests[0]?.req.url).toBe('/v1/chat/completions')
  expect(page.messages[1]?.parts.some(({ type }) => type === 'reasoning')).toBe(true)
})

test.each<[string, Record<string, string>, string | RegExp]>([
  ['anthropic/x', {}, 'anthropic/x needs a key in ANTHROPIC_API_KEY, which is not set'],
  [
    'anthropic/x',
    { ANTHROPIC_API_KEY: ' ' },
    'anthropic/x needs a key in ANTHROPIC_API_KEY, which is not set',
  ],
  ['openai/x', {}, 'openai/x needs a key in OPENAI_API_KEY, which is not set'],
  ['gateway/a/b', {}, 'gateway/a/b needs a key in AI_GATEWAY_API_KEY, which is not set'],
  ['mistral/x', KEYS, 'The package @ai-sdk/mistral is not installed: npm install @ai-sdk/mistral'],
  ['groq/x', KEYS, /^The package @ai-sdk\/groq cannot be loaded: Cannot find package 'nowhere-to-be-found'/],
  ['xai/x', KEYS, '@ai-sdk/xai has no xai: is it of an older version?'],
  [
    'openai-compatible/x',
    {},
    'openai-compatible/x needs the address of its service in OPENAI_BASE_URL, which is not set',
  ],
  ['ollama/x', { OLLAMA_BASE_URL: 'localhost:11434' }, /^OLLAMA_BASE_URL must be an http or https address/],
])('%s with %j is refused in one line', async (name, environment, message) => {
  await expect(load(name, environment)).rejects.toThrow(message)
})
