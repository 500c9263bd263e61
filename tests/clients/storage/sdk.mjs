// Puts, gets, lists, copies, presigns and deletes with the SDK for JavaScript:
// sdk.mjs ENDPOINT BUCKET. Writes `done` when all was as it should be.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { Readable } from "node:stream";

const require = createRequire(import.meta.url);
const s3 = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const [endpoint, Bucket] = process.argv.slice(2);
const client = new s3.S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, maxAttempts: 1 });
const send = (command) => client.send(command);
const data = randomBytes(12 << 20);
const keys = ["plain", "a b/ü+&=?%.txt", "deep/er/still"];

for (const Key of keys) {
	await send(new s3.PutObjectCommand({ Bucket, Key, Body: data, Metadata: { of: "js" } }));
	const got = await send(new s3.GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
	assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), data);
	assert.equal(got.Metadata.of, "js");
}
const Body = Readable.from([data.subarray(0, 7 << 20), data.subarray(7 << 20)]);
await new Upload({ client, partSize: 5 << 20, params: { Bucket, Key: "parts", Body } }).done();
const whole = await send(new s3.GetObjectCommand({ Bucket, Key: "parts" }));
assert.deepEqual(Buffer.from(await whole.Body.transformToByteArray()), data);

const names = [];
for await (const page of s3.paginateListObjectsV2({ client, pageSize: 2 }, { Bucket })) {
	names.push(...page.Contents.map((one) => one.Key));
}
assert.deepEqual(names.sort(), [...keys, "parts"].sort());

const CopySource = `${Bucket}/${encodeURIComponent(keys[1])}`;
await send(new s3.CopyObjectCommand({ Bucket, Key: "copy", CopySource }));
const url = await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key: "copy" }));
assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), data);
await assert.rejects(send(new s3.GetObjectCommand({ Bucket, Key: "none" })), s3.NoSuchKey);
const Objects = [...names, "copy"].map((Key) => ({ Key }));
const gone = await send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
assert.equal(gone.Deleted.length, Objects.length);
console.log("done");
