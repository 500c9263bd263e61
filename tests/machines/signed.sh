# Asks the cloud's API one thing from inside a guest, signed (SigV4) with the credentials of its role:
# signed.sh SERVICE REGION BODY, or of S3 signed.sh s3 REGION '' METHOD PATH [FILE], whose body is the
# file's. Writes the answer with its head. busybox is all there is.
service=$1 region=$2 body=$3 method=${4:-POST} path=${5:-/} file=${6:-/dev/null}
host=169.254.169.254:8773

# hmac KEY (hexadecimal) of what is read, hexadecimal.
hmac() {
	key=$1 inner= outer=
	while [ ${#key} -lt 128 ]; do key=${key}00; done
	while [ -n "$key" ]; do
		rest=${key#??}
		byte=$((0x${key%"$rest"}))
		inner=$inner$(printf '\\x%02x' $((byte ^ 0x36)))
		outer=$outer$(printf '\\x%02x' $((byte ^ 0x5c)))
		key=$rest
	done
	digest=$({ printf "$inner"; cat; } | sha256sum)
	{ printf "$outer"; printf "$(echo "${digest%% *}" | sed 's/../\\x&/g')"; } | sha256sum | cut -c 1-64
}

hash() { sha256sum | cut -c 1-64; }
hex() { hexdump -v -e '/1 "%02x"'; }

directory=meta-data/iam/security-credentials
role=$(/etc/mallee/imds $directory/) || exit 1
document=$(/etc/mallee/imds "$directory/$role") || exit 1
member() { echo "$document" | sed -n "s/.*\"$1\" : \"\([^\"]*\)\".*/\1/p"; }
id=$(member AccessKeyId) secret=$(member SecretAccessKey) token=$(member Token)

now=$(date -u +%Y%m%dT%H%M%SZ)
day=${now%T*}
scope=$day/$region/$service/aws4_request
names='content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token'
type='application/x-www-form-urlencoded'
payload=$(printf %s "$body" | hash)
[ "$service" != s3 ] || payload=UNSIGNED-PAYLOAD
length=$((${#body} + $(wc -c <"$file")))
request=$(printf '%s\n' "$method" "$path" '' "content-type:$type" "host:$host" \
	"x-amz-content-sha256:$payload" "x-amz-date:$now" "x-amz-security-token:$token" '' "$names" "$payload")
text=$(printf '%s\n' AWS4-HMAC-SHA256 "$now" "$scope" "$(printf %s "$request" | hash)")
key=$(printf %s "AWS4$secret" | hex)
for part in "$day" "$region" "$service" aws4_request; do
	key=$(printf %s "$part" | hmac "$key")
done
signature=$(printf %s "$text" | hmac "$key")
printf '%s\r\n' "$method $path HTTP/1.1" "Host: $host" "Content-Type: $type" 'Connection: close' \
	"Content-Length: $length" "X-Amz-Date: $now" "X-Amz-Security-Token: $token" \
	"X-Amz-Content-Sha256: $payload" \
	"Authorization: AWS4-HMAC-SHA256 Credential=$id/$scope, SignedHeaders=$names, Signature=$signature" \
	'' >/tmp/request
printf %s "$body" >>/tmp/request
cat /tmp/request "$file" | nc -w 60 169.254.169.254 8773
