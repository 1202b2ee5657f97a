import process from 'node:process'
import { defineConfig } from 'vite'

const { MILLRACE_URL = 'http://127.0.0.1:8000' } = process.env

/** Serves the page, and passes on to the application what it serves below /millrace. */
export default defineConfig({ server: { proxy: { '/millrace': { target: MILLRACE_URL, ws: true } } } })
