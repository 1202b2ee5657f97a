import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ChatApp } from './chat-app.tsx'
import '../tokens.css'
import '../page.css'
import './chat.css'
import './list.css'
import './message.css'
import './markdown.css'
import './composer.css'

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no #root')
const model = document.querySelector<HTMLMetaElement>('meta[name="millrace-model"]')?.content ?? ''
createRoot(root).render(
  <StrictMode>
    {/* Beside the page, whatever the root path of the server. */}
    <ChatApp api={new URL('api/chat', document.baseURI).pathname} model={model || undefined} />
  </StrictMode>,
)
