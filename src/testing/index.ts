/** The public entry of `millrace/testing`. */
export {
  type ConnectResult,
  WebSocketCommunicator,
  type WebSocketCommunicatorOptions,
} from './websocket-communicator.ts'
