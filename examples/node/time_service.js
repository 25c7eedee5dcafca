// What time is it? REQ asks, REP answers.
const zmq = require('zeromq')
const { expect, finish, play, start, stop } = require('./story')

const ENDPOINT = 'tcp://127.0.0.1:5732'

async function service() {
  const socket = new zmq.Reply()
  await socket.bind(ENDPOINT)
  for await (const [question] of socket) {
    await socket.send(question.toString() === 'time' ? new Date().toISOString() : 'what?')
  }
}

async function client() {
  const socket = new zmq.Request()
  socket.connect(ENDPOINT)
  for (let count = 0; count < 100; count++) {
    const before = Date.now()
    await socket.send('time')
    const [answer] = await socket.receive()
    const there = Date.parse(answer.toString())
    expect(there >= before && there <= Date.now(), 'between question and answer')
  }
  await socket.send('weather')
  const [answer] = await socket.receive()
  expect(answer.toString() === 'what?', 'an answer to anything')
  console.log('100 times asked what time it is')
  socket.close()
}

async function main() {
  const server = start('service')
  await finish(start('client'))
  stop(server)
}

play({ main, service, client })
