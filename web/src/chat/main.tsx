import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ChatApp } from './chat-app.tsx'
import '../tokens.css'
import '../page.css'
import './chat.css'
import './welcome.css'
import './list.css'
import './message.css'
import './markdown.css'
import './composer.css'

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no #root')
// Beside the page, whatever the root path of the server.
const beside = (path: string) => new URL(path, document.baseURI).pathname
createRoot(root).render(
  <StrictMode>
    <ChatApp api={beside('api/chat')} modelAddress={beside('api/model')} />
  </StrictMode>,
)
