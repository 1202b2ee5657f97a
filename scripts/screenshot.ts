/** Takes the README's picture of the page anew: `node --conditions=millrace:source scripts/screenshot.ts`, after a build. */
import { setTimeout } from 'node:timers/promises'
import { silentLogger } from '../src/logging/logger.ts'
import { createDemoApplication } from '../src/demo/application.ts'
import { PROMPTS, startAimock } from '../test/support/aimock.ts'
import { launchBrowser } from '../test/support/browser.ts'
import { service } from './services.ts'

const chromium = service('chromium').find()
if (!chromium) throw new Error('Chromium is not installed')
const aimock = await startAimock()
const environment = { OPENAI_BASE_URL: aimock.baseURL, OPENAI_API_KEY: 'none' }
const application = createDemoApplication({ logger: silentLogger, environment })
const server = await application.listen({ port: 0 })
const browser = await launchBrowser(chromium)
try {
  const page = await browser.newPage({ viewport: { width: 960, height: 600 }, deviceScaleFactor: 1.5 })
  await page.goto(server.url)
  await page.fill('#prompt', PROMPTS.slow)
  await page.press('#prompt', 'Enter')
  // The page's policy forbids evaluating code in it, so its text is asked for instead.
  while ((await page.inputValue('#openaiOutput')).length < 250) await setTimeout(50)
  await page.screenshot({ path: 'docs/images/page.png' })
} finally {
  await browser.close()
  await application.close()
  await aimock.close()
}
