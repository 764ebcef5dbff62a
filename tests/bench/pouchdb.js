// PouchDB as a peer of tools/bench sync: its server, and the device's side. NODE_PATH names where npm put the packages.
//   serve FOLDER ADDRESS PORTFILE [KEY CERTIFICATE]
//   fill DATABASE FILE                lines of JSON become documents
//   attach DATABASE ID FILE...        one document with attachments
//   push DATABASE URL                 replicates to the server, or from it
//   pull DATABASE URL
//   open DATABASE                     what starting costs
'use strict';
const fs = require('fs');
const PouchDB = require('pouchdb');

function serve(folder, address, portFile, key, certificate) {
  const app = require('express')();
  const stored = PouchDB.defaults({prefix: folder + '/'});
  app.use(require('express-pouchdb')(stored, {
    mode: 'minimumForPouchDB',
    configPath: folder + '/config.json',
    logPath: folder + '/log.txt',
  }));
  const server = key ? require('https').createServer({key: fs.readFileSync(key), cert: fs.readFileSync(certificate)}, app)
                     : require('http').createServer(app);
  server.listen(0, address, () => {
    fs.writeFileSync(portFile + '.new', String(server.address().port));
    fs.renameSync(portFile + '.new', portFile);
  });
}

async function fill(database, file) {
  const lines = fs.readFileSync(file, 'utf8').split('\n').filter((line) => line);
  for (let at = 0; at < lines.length; at += 1000) {
    const documents = lines.slice(at, at + 1000).map((line) => {
      const {id, ...rest} = JSON.parse(line);
      return {_id: id, ...rest};
    });
    for (const done of await database.bulkDocs(documents)) if (!done.ok) throw new Error(JSON.stringify(done));
  }
}

async function attach(database, id, ...files) {
  const attachments = {};
  for (const file of files) attachments[file.split('/').pop()] = {content_type: 'image/jpeg', data: fs.readFileSync(file)};
  await database.put({_id: id, title: 'Photographs', _attachments: attachments});
}

async function main(command, name, ...words) {
  if (command === 'serve') return serve(name, ...words);
  const database = new PouchDB(name);
  if (command === 'fill') await fill(database, ...words);
  if (command === 'attach') await attach(database, ...words);
  if (command === 'push' || command === 'pull') {
    const done = await (command === 'push' ? database.replicate.to(words[0]) : database.replicate.from(words[0]));
    if (!done.ok || done.doc_write_failures) throw new Error(JSON.stringify(done));
    console.log(JSON.stringify({documents: done.docs_written}));
  }
  await database.info();
  await database.close();
  process.exit(0);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(`error: ${error.message || JSON.stringify(error)}`);
  process.exit(1);
});
