// Speed of llama.cpp through the package node-llama-cpp, which the folder that this runs in has installed.
// usage: node llamacpp.mjs FILE.gguf THREADS PREFILL DECODE; prints a line of JSON.
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const require = createRequire(process.cwd() + "/");
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")));
const [file, threads, prefill, decode] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const llama = await getLlama({gpu: false, build: "never", logLevel: "error", maxThreads: threads});
const model = await llama.loadModel({modelPath: file, gpuLayers: 0});
const contextSize = Math.max(prefill, decode) + 64;
const context = await model.createContext({contextSize, batchSize: 512, threads, flashAttention: true});
const sequence = context.getSequence();
const prompt = Array.from({length: prefill}, (_, i) => 300 + (i * 37) % 20000);

async function seconds(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1e3;
}

await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(0, 16));
await sequence.clearHistory();
const prefillSeconds = await seconds(() => sequence.evaluateWithoutGeneratingNewTokens(prompt));
await sequence.clearHistory();
await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(0, 16));
const decodeSeconds = await seconds(async () => {
  for (let i = 0; i < decode; ++i)
    await sequence.evaluateWithoutGeneratingNewTokens([500 + i]);
});
console.log(JSON.stringify({prefill: prefill / prefillSeconds, decode: decode / decodeSeconds}));
process.exit(0);
