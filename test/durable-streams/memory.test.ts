import { memory } from '../../src/index.ts'
import { conformsOver } from './suite.ts'

conformsOver(() => memory())
