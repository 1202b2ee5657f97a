/** The chat of the demo, without a key and with one. */
import type { UIMessageChunk } from 'ai'
import { expect, onTestFinished, test } from 'vitest'
import { createDemoApplication } from '../../src/demo/application.ts'
import { scriptedChat } from '../../src/demo/demo-chat.ts'
import { loadDemoChat } from '../../src/demo/load-demo-chat.ts'
import { NodeChat, startChats, transportOf } from '../endpoints/chat/chat-server.ts'
import { collect } from '../support/collect.ts'
import { collectingLogger } from '../support/logger.ts'
import { delta, stream, upstream } from '../support/upstream.ts'

test('without a key a script answers: reasoning, a tool call, Markdown and code', async () => {
  await using server = await startChats({ source: scriptedChat(0) })
  const chat = new NodeChat('c1', transportOf('WebSocketChatTransport', server.address))
  await chat.sendMessage({ text: 'Hello there' })
  expect(chat.error).toBeUndefined()
  expect(chat.messages[1]?.parts.map(({ type }) => type)).toEqual([
    'step-start',
    'reasoning',
    'dynamic-tool',
    'step-start',
    'text',
  ])
  expect(chat.text).toContain('You said: *Hello there*')
  expect(chat.text).toContain('```ts')
})

test('with a key the model answers, and is told what was said before', async () => {
  const asked: unknown[] = []
  const { baseURL } = await upstream(({ body, res }) => {
    asked.push((JSON.parse(body) as { input: unknown }).input)
    stream(res, delta('Be'), delta('cause.'), { type: 'response.completed' })
    res.end()
  })
  const logger = collectingLogger()
  const environment = { OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: baseURL, OPENAI_MODEL: 'm' }
  const chat = await loadDemoChat(logger)
  const application = createDemoApplication({ logger, environment, chat })
  const server = await application.listen({ port: 0 })
  try {
    const page = new NodeChat('c1', transportOf('DefaultChatTransport', `${server.url}/api/chat`))
    await page.sendMessage({ text: 'Why?' })
    expect(page.error).toBeUndefined()
    expect(page.text).toBe('Because.')
    await page.sendMessage({ text: 'Really?' })
    expect(asked[1]).toEqual([
      { role: 'user', content: 'Why?' },
      { role: 'assistant', content: 'Because.' },
      { role: 'user', content: 'Really?' },
    ])
  } finally {
    await application.close()
  }
})

test('the script goes on where another process left it', async () => {
  const chunksFrom = async (resumeFrom?: number): Promise<UIMessageChunk[]> => {
    const request = {
      messages: [{ id: 'u', role: 'user' as const, parts: [{ type: 'text' as const, text: 'Hello' }] }],
      signal: new AbortController().signal,
      chat: 'c1',
      messageId: 'm',
      runId: 'r',
      body: {},
      checkpoint: () => {},
      alive: () => {},
      ...(resumeFrom !== undefined && { resumeFrom }),
    }
    return await collect((await scriptedChat(0)(request)) as AsyncIterable<UIMessageChunk>)
  }
  const whole = await chunksFrom()
  // Behind the clock, which tells another time by then.
  expect(await chunksFrom(30)).toEqual(whole.slice(30))
  expect(await chunksFrom(whole.length)).toEqual([])
})

test('a page is told that a script answers', async () => {
  const application = createDemoApplication({ logger: collectingLogger(), environment: {} })
  onTestFinished(() => application.close())
  const { url } = await application.listen({ port: 0 })
  expect(await (await fetch(`${url}/api/model`)).json()).toEqual({
    name: null,
    isScripted: true,
    canResume: true,
    accept: 'image/png,image/jpeg,image/webp,image/gif',
  })
})
