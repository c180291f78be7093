// The canonical RDF of each document of a file, by jsonld.js in its safe mode: FOLDER of contexts, FILE. Prints an array of
// `canonical`, or the `reason` why not.
import fs from 'node:fs';
import jsonld from 'jsonld';

const [folder, file] = process.argv.slice(2);
const URLS = {'https://www.w3.org/ns/credentials/v2': 'credentials-v2.json'};

async function documentLoader(url) {
  if(!URLS[url]) {
    throw new Error(`${url} is not at hand`);
  }
  const document = JSON.parse(fs.readFileSync(`${folder}/${URLS[url]}`));
  return {contextUrl: null, documentUrl: url, document};
}

const answers = [];
for(const document of JSON.parse(fs.readFileSync(file))) {
  const options = {algorithm: 'RDFC-1.0', format: 'application/n-quads', safe: true, base: null, documentLoader};
  try {
    answers.push({canonical: await jsonld.canonize(document, options)});
  } catch(error) {
    answers.push({reason: `${error.message} ${error.details?.event?.code ?? ''}`});
  }
}
console.log(JSON.stringify(answers));
