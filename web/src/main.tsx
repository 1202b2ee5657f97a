import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { systemClock } from './clock.ts'
import { RunClient } from './run-client.ts'
import { socketOpener, socketUrl } from './socket.ts'
import './tokens.css'
import './page.css'
import './panel.css'
import './composer.css'

const client = new RunClient({
  open: socketOpener(socketUrl('ws/openai/', document.baseURI)),
  clock: systemClock,
  random: Math.random,
  online: navigator.onLine,
  newId,
})

window.addEventListener('online', () => client.setOnline(true))
window.addEventListener('offline', () => client.setOnline(false))
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') client.connect()
})
client.connect()

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
