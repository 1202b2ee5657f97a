import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { connect } from '../../src/client/index.ts'
import { windowAddress } from './address.ts'
import { App } from './app.tsx'
import { systemClock } from './clock.ts'
import { type Demo, RunClient } from './run-client.ts'
import './tokens.css'
import './page.css'
import './panel.css'
import './composer.css'

const client = new RunClient({
  // Beside the page, whatever the root path of the server.
  streams: connect<Demo>('/', { path: new URL('millrace', document.baseURI).pathname }),
  address: windowAddress(window),
  clock: systemClock,
  newId,
})

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no #root')
createRoot(root).render(
  <StrictMode>
    <App client={client} />
  </StrictMode>,
)

/** 128 random bits. `crypto.randomUUID` would be missing where the page is read over plain http. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
