import react from '@vitejs/plugin-react'
import { join } from 'node:path'
import { defineConfig } from 'vite'

export default defineConfig({
  // Relative addresses, so that one build works under any root path of the server.
  base: './',
  plugins: [react()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    rolldownOptions: { input: ['index.html', 'chat.html'].map((page) => join(import.meta.dirname, page)) },
    // The content security policy allows files of this server only: a data: URL would be refused.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
  },
  // `vite web` shows the page with hot reload, beside a `millrace serve` on its default port.
  server: {
    proxy: {
      '/millrace': { target: 'http://127.0.0.1:8000', ws: true },
      '/api': { target: 'http://127.0.0.1:8000', ws: true },
    },
  },
})
