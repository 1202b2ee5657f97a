import { memoryStreams } from '../../src/index.ts'
import { conformsOver } from './suite.ts'

conformsOver(() => memoryStreams())
