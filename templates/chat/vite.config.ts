import type { Server } from 'node:http'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [
    react(),
    {
      // In development the server of the page serves the chat as well.
      name: 'chat',
      apply: 'serve',
      async configureServer({ httpServer, middlewares }) {
        const { default: app } = await import('./app.ts')
        const { handle } = app.attach(httpServer as Server)
        middlewares.use((request, response, next) =>
          request.url?.startsWith('/api/') ? handle(request, response, next) : next(),
        )
      },
    },
  ],
  server: { host: '127.0.0.1', port: 8000 },
  // One copy of each, also where Millrace is linked from a folder of its own.
  resolve: { dedupe: ['react', 'react-dom', 'ai', '@ai-sdk/react'] },
})
