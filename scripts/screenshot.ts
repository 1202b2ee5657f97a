/** Takes the README's pictures anew: `node --conditions=millrace:source scripts/screenshot.ts`, after a build. */
import type { UIMessageChunk } from 'ai'
import type { Browser } from 'playwright-core'
import { setTimeout } from 'node:timers/promises'
import { chat } from '../src/ai-sdk.ts'
import { createDemoApplication } from '../src/demo/application.ts'
import { guestOf } from '../src/demo/guests.ts'
import { silentLogger } from '../src/logging/logger.ts'
import { PROMPTS, startAimock } from '../test/support/aimock.ts'
import { launchBrowser } from '../test/support/browser.ts'
import { service } from './services.ts'

// Before what awaits: it is read while that does.
const ANSWER = `An answer is a **run**: what it yields goes into a log, and every reader follows that log from where it left off.

\`\`\`ts
const reply = await connect<App>('/').runs.answer.start({ prompt })
for await (const piece of reply) document.body.append(piece)
\`\`\`

| what happens | what the reader sees |
|---|---|
| a reload | the same answer, from its start |
| a lost network | the rest, once it is back |
| \`kill -9\` of the server | the run goes on at the exact record |

Press **Stop** in any tab, and`

const chromium = service('chromium').find()
if (!chromium) throw new Error('Chromium is not installed')
const aimock = await startAimock()
const environment = { OPENAI_BASE_URL: aimock.baseURL, OPENAI_API_KEY: 'none' }
const application = createDemoApplication({
  logger: silentLogger,
  environment,
  chat: () => chat('/api/chat', { stream: ({ signal }) => answer(signal), authenticate: guestOf }),
})
const server = await application.listen({ port: 0 })
const browser = await launchBrowser(chromium)
try {
  await takePage(browser, server.url)
  await takeChat(browser, `${server.url}/chat`)
} finally {
  await browser.close()
  await application.close()
  await aimock.close()
}

async function takePage(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 960, height: 600 }, deviceScaleFactor: 1.5 })
  await page.goto(url)
  await page.fill('#prompt', PROMPTS.slow)
  await page.press('#prompt', 'Enter')
  // The page's policy forbids evaluating code in it, so its text is asked for instead.
  while ((await page.inputValue('#openaiOutput')).length < 250) await setTimeout(50)
  await page.screenshot({ path: 'docs/images/page.png' })
}

async function takeChat(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1120, height: 740 }, deviceScaleFactor: 1.5 })
  await page.goto(url)
  for (const question of ['How are streams kept?', 'What is a lease?', 'Show me how an answer is read']) {
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.fill('#message', question)
    await page.press('#message', 'Enter')
    await page.locator('.chat-row a', { hasText: question }).waitFor()
  }
  await page.locator('[data-token=keyword]').first().waitFor()
  await page.mouse.move(600, 600)
  await page.screenshot({ path: 'docs/images/chat.png' })
}

/** An answer that is never finished. */
async function* answer(signal: AbortSignal): AsyncGenerator<UIMessageChunk> {
  yield { type: 'reasoning-start', id: 'r' }
  yield { type: 'reasoning-delta', id: 'r', delta: 'Which reader is meant?' }
  yield { type: 'reasoning-end', id: 'r' }
  yield { type: 'text-start', id: 't' }
  yield { type: 'text-delta', id: 't', delta: ANSWER }
  await setTimeout(60_000, undefined, { signal })
}
