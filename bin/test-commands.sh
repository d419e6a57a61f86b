#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the commands in this folder: what they print, and their exit statuses. The build is done before.
set -uo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cd -- "$root" || exit 1
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

ok() { passed=$((passed + 1)); echo "ok - $1"; }
not_ok() { failed=$((failed + 1)); echo "not ok - $1"; head -n 60 -- "$work/out" "$work/err" | sed 's/^/    | /'; }
check() { # name, then a command that must succeed
  local name=$1
  shift
  if "$@" > "$work/check" 2>&1; then ok "$name"; else not_ok "$name"; sed 's/^/    | /' "$work/check"; fi
}
run() { # seconds it may take, then the command: leaves status, $work/out and $work/err
  timeout -k 10 "$@" > "$work/out" 2> "$work/err" < /dev/null
  status=$?
}
equal() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }
has() { grep -qE -- "$2" "$work/$1" || { echo "no line like $2 in $1"; return 1; }; }
json() { jq -e "$1" "$2"; }

# Bad input: one line that says what was wrong, the usage, status 2, nothing on stdout.
refuses() { # what the line must contain, then the command
  local says=$1
  shift
  run 60 "$@"
  check "$*: status 2" equal "$status" 2
  check "$*: says what was wrong" grep -qF -- "$says" <(head -n 1 "$work/err")
  check "$*: shows the usage" has err '^usage: '
  check "$*: nothing on stdout" test ! -s "$work/out"
}
refuses "unknown option: --nonsense" bin/setup --nonsense
refuses "unknown option: --nonsense" bin/doctor --nonsense
refuses "unknown option: --nonsense" bin/measure --nonsense
refuses "--seconds has to be from 1 to 3600: soon" bin/measure --seconds soon
refuses "--json cannot write this file" bin/measure --json "$work/no/such/folder/out.json"
refuses "no Java in nowhere" bin/measure --java nowhere
refuses "unknown option: --nonsense" bin/verify --nonsense
refuses "name a test class" bin/test
refuses "no test class NoSuchTest" bin/test NoSuchTest
refuses "several classes are called PerCpuRecyclerPoolTest" bin/test PerCpuRecyclerPoolTest
refuses "unknown option: --nonsense" bin/jsr166 --nonsense
refuses "--repeat has to be from 1 to 1000: 0" bin/jsr166 --repeat 0
refuses "no run has Vector in its name" bin/jsr166 Vector
refuses "unknown option: --nonsense" bin/lincheck --nonsense
refuses "--runs has to be from 1 to 100000: 0" bin/lincheck --runs 0
refuses "unknown option: --nonsense" bin/publish --nonsense
refuses "--local needs a directory" bin/publish
refuses "is not empty" bin/publish --local bin
refuses "unknown option: --nonsense" bin/api --nonsense
refuses "unknown option: --nonsense" bin/javadoc --nonsense
refuses "unknown option: --nonsense" bin/demo --nonsense
refuses "--seconds needs a whole number: soon" bin/demo --seconds soon
refuses "--seconds" bin/demo --seconds 0
refuses "--connections needs a whole number: -1" bin/demo --connections -1
refuses "--connections" bin/demo --connections=0
refuses "--port" bin/demo --port 70000
refuses "--json needs a value" bin/demo --json
refuses "--compare needs rseq4j, jdk or variants, with commas: netty" bin/demo --compare netty
refuses "--server needs demo, jetty, netty or helidon: apache" bin/demo --server apache
refuses "--port is for the demo's own server, not for jetty" bin/demo --server jetty --port 8080
refuses "--rates needs percentages with commas: fast" bin/demo --rates fast
refuses "--chart" bin/demo --chart "$work/no/such/folder/out.svg"
refuses "--json" bin/demo --json "$work/no/such/folder/out.json"
refuses "no suite nonsense, there are counters" bin/bench nonsense
refuses "--quick and --full exclude each other" bin/bench counters --quick --full
refuses "'soon' is not a" bin/bench counters --millis soon
refuses "--threads has to be from 1 to 100000: 0" bin/bench counters --threads 1,0
refuses "--forks has to be from 1" bin/bench counters --forks 0
refuses "--capacity has to be from 2 to" bin/bench queues --capacity 1
refuses "--json takes the results of one suite" bin/bench counters locks --json "$work/out.json"
refuses "--waiting" bin/bench queues --waiting forever
refuses "--cpus has to be from 1 to 8: 9" bin/bench --vm lock-holds --cpus 9
refuses "--only: no contender of counters" bin/bench counters --only nobody
refuses "suite lookup is JMH's" bin/bench --vm lookup
refuses "no suite" bin/bench --quick
refuses "--json cannot write this file" bin/bench counters --json "$work/no/such/folder/out.json"
refuses "no Java in nowhere" bin/bench counters --java nowhere
refuses "--java is neither for the test kernel nor for JMH's suites" bin/bench lookup --java 25
refuses "Unknown option: '--nonsense'" bin/bench check --nonsense
refuses "unknown option: --nonsense" bin/stat --nonsense
refuses "a FILE is needed" bin/stat
refuses "one FILE is needed" bin/stat a b
refuses "--json and --once do not go together" bin/stat --json --once a
refuses "--interval needs a whole number: soon" bin/stat --interval soon a
refuses "--interval has to be positive" bin/stat --interval=0 a
refuses "--cpus" bin/vm run --cpus none -- true
refuses "nonsense" bin/vm nonsense
refuses "unknown option: --nonsense" bin/jcstress --nonsense
refuses "--form" bin/jcstress --form round
refuses "unknown option: --nonsense" bin/torture --nonsense
refuses "--seconds needs a whole number" bin/torture --seconds soon
refuses "--seed needs a whole number" bin/torture --seed=x
refuses "--json" bin/torture --json "$work/no/such/folder/out.json"
refuses "unknown option: --nonsense" bin/fuzz --nonsense
refuses "no such target: all" bin/fuzz --target all
refuses "unknown option: --nonsense" bin/fault-matrix --nonsense
refuses "unknown option: --nonsense" bin/mutations --nonsense

for name in bin/{setup,doctor,measure,verify,demo,stat,publish,api,javadoc,jcstress,torture,throws,fuzz,fault-matrix,mutations} \
  bin/test{,-java} docs/sample/{jetty,connections}.sh; do
  run 60 "$name" --help
  check "$name --help: status 0" equal "$status" 0
  check "$name --help: the usage on stdout" has out '^usage: '
done

# The doctor.
keys='["advice","arch","concurrencyId","cpuCount","cpuId","featureSize","kernel","libc","mode","nodeId","registration","sliceExtension"]'
run 60 bin/doctor --json
check "bin/doctor --json: status 0" equal "$status" 0
check "bin/doctor --json: every key is there" json "$keys - keys == []" "$work/out"
cp "$work/out" "$work/doctor.json"
run 60 bin/doctor
check "bin/doctor: status 0" equal "$status" 0
check "bin/doctor: a line on the registration" has out '^registration'
check "bin/doctor: a line on the slice extension" has out '^slice extension'
check "bin/doctor: the advice" grep -qF -- "$(jq -r .advice "$work/doctor.json" | cut -c1-60)" "$work/out"
JAVA_OPTS=-Drseq4j.registration=none run 60 bin/doctor --json
check "rseq off by property: the doctor says so" json '.registration == "NONE" and (.advice | length > 0)' "$work/out"
GLIBC_TUNABLES=glibc.pthread.rseq=0 run 60 bin/doctor --json
check "rseq off by tunable: the doctor works" json '.registration == "NONE" or .registration == "OWN"' "$work/out"
JAVA_OPTS=-Drseq4j.registration=perhaps run 60 bin/doctor
check "a property with an unknown value: status 1" equal "$status" 1
check "a property with an unknown value: the values are listed" has err 'auto.*libc.*own.*none'

# Measuring this machine.
run 240 bin/measure --seconds 2 --json "$work/measure.json"
check "bin/measure: status 0" equal "$status" 0
check "bin/measure: results of each kind" json \
  '[.results[].family] | unique | contains(["counter", "lock", "pool", "queue"])' "$work/measure.json"
check "bin/measure: the file has no more than it should" json \
  'keys == ["date", "machine", "results", "roundMillis", "rseq4jMeasure"]' "$work/measure.json"
check "bin/measure: what this machine has" has out '^slice extension'
check "bin/measure: the table" has out 'SliceLock.* beside ReentrantLock'

# The benchmarks.
run 60 bin/bench
check "bin/bench: the list of suites" has out '^  counters +rseq4j PerCpuCounter, rseq4j counter of a file, LongAdder'
check "bin/bench: JMH's are in the list" has out '^  lookup +.*cpuId'
mkdir "$work/results"
run 240 bin/bench counters --only PerCpuCounter,LongAdder --threads 1,2 --forks 1 --rounds 1 --warmup 1 --millis 20 \
  --json "$work/results/a.json"
check "bin/bench counters: status 0" equal "$status" 0
check "bin/bench counters: a result for each contender and number of threads" \
  json 'length == 4 and all(.[]; .primaryMetric.score > 0 and .environment.rseq.registration != null)' "$work/results/a.json"
check "bin/bench counters: ours against the peer" has out '^rseq4j PerCpuCounter against LongAdder: 1: '
# Compiled for Java 17, which the newest runs, too.
run 240 bin/bench counters --java 25 --only PerCpuCounter --threads 2 --forks 1 --rounds 1 --warmup 1 --millis 20 --json "$work/java.json"
check "bin/bench --java: a result" json 'length == 1 and .[0].primaryMetric.score > 0' "$work/java.json"
run 240 bin/bench lookup --only cpuId --forks 1 --rounds 1 --warmup 1 --millis 20 --json "$work/results/b.json"
check "bin/bench lookup: a result of JMH's" json 'all(.[]; .mode == "avgt" and .primaryMetric.scoreUnit == "ns/op")' \
  "$work/results/b.json"
run 60 bin/bench check --results "$work/none"
check "bin/bench check without results: status 0" equal "$status" 0
check "bin/bench check without results: not measured" has out '^not measured  counters +PerCpuCounter.increment'
jq '[.[] | if .params.contender == "LongAdder" then .primaryMetric.rawData = [[1e15]] else . end]' "$work/results/a.json" \
  > "$work/results/c.json"
run 60 bin/bench check --results "$work/results"
check "bin/bench check with a target missed: status 1" equal "$status" 1
check "bin/bench check with a target missed: says so" has out '^missed +counters +PerCpuCounter.increment at least 1.2 times LongAdder'
mkdir "$work/docs"
run 60 bin/bench report --results "$work/results" --out "$work/docs"
check "bin/bench report: status 0" equal "$status" 0
check "bin/bench report: the page has the target" grep -q 'at least 1.2 times LongAdder.*missed' "$work/docs/results.md"
check "bin/bench report: a chart" grep -q '<svg' "$work/docs/charts/counters.svg"
run 60 bin/bench report --results "$work/none" --out "$work/docs"
check "bin/bench report without results: status 1" equal "$status" 1
# Counter files.
cat > "$work/Make.java" << 'EOF'
import java.nio.file.Path;
import org.rseq4j.counters.CounterFile;

class Make {
    public static void main(String[] arguments) throws Exception {
        CounterFile file = CounterFile.create(Path.of(arguments[0]), 10, 100_000);
        file.counter("requests.all", "all of \"them\"").add(42);
        file.counter("requests_all", "another of that name").add(-1);
        file.summary("size", "in bytes").record(-7);
        for (int i = 1; i <= 1000; i++) {
            file.histogram("latency", "in us", 1_000_000, 2).record(i);
        }
    }
}
EOF
# shellcheck source=bin/lib.sh
java=$(. bin/lib.sh && jdk)/bin/java
run 60 "$java" --enable-native-access=ALL-UNNAMED -cp "benchmarks/target/classes:benchmarks/target/lib/*" \
  "$work/Make.java" "$work/counters"
check "a counter file is made" equal "$status" 0
run 60 bin/stat --once "$work/counters"
check "bin/stat --once: status 0" equal "$status" 0
check "bin/stat --once: the counter" has out '^requests\.all +42'
check "bin/stat --once: the percentiles" has out '^latency +1000 .*p50 50[0-9] .*p99 99[0-9] '
run 60 bin/stat --json "$work/counters"
check "bin/stat --json: every meter" json \
  '[.meters[] | .name] == ["requests.all", "requests_all", "size", "latency"] and .meters[0].sum == 42' "$work/out"
run 60 bin/stat --prometheus "$work/counters"
check "bin/stat --prometheus: the counter" has out '^requests_all_total 42'
check "bin/stat --prometheus: another of that name" has out '^requests_all_2 -1'
check "bin/stat --prometheus: the summary" has out '^size_count 1$'
check "bin/stat --prometheus: a quantile" has out '^latency.quantile="0.99". 99[0-9]'
run 3 bin/stat --interval 200 "$work/counters"
check "bin/stat: rates, until it is ended" has out '^requests\.all +42 +0\.0/s'
head -c 5000 "$work/counters" > "$work/damaged"
run 60 bin/stat --once "$work/damaged"
check "bin/stat of a truncated file: status 1" equal "$status" 1
check "bin/stat of a truncated file: says so" has err '^bin/stat: .*truncated'
run 60 bin/stat --once "$work/none"
check "bin/stat of no file: status 1" equal "$status" 1
check "bin/stat of no file: says so" has err '^bin/stat: .*none'

# The demo.
conserved='(.checks | length == 3 and all(.[]; . == true))'
run 240 bin/demo --seconds 5 --trace --json "$work/demo.json" --chart "$work/demo.svg"
check "bin/demo: status 0" equal "$status" 0
check "bin/demo: the chart is there" grep -q '<svg' "$work/demo.svg"
check "bin/demo: three checks, all true" json "$conserved" "$work/demo.json"
check "bin/demo: both were run and answered requests" \
  json '[.structures[].requests] | length == 2 and all(.[]; . > 0)' "$work/demo.json"
check "bin/demo: latencies at 85% are there and in order" json \
  '[.structures[].latencyMillis["85"]] | length == 2 and all(.[]; .p50.median > 0 and .p50.median <= .p99.median
    and .p99.median <= .["p99.9"].median and .["p99.9"].median <= .max.median)' "$work/demo.json"
check "bin/demo: pool hits and queue depth are there" \
  json '[.structures[]] | all(.[]; (.poolHits | type) == "number" and (.maxQueueDepth | type) == "number")' "$work/demo.json"
check "bin/demo --trace: the parts of the slowest requests add up" json \
  '[.slowestMillis[]["85"]] | length == 2 and all(.[]; .requests > 0 and
    (.connection + .handler + .pool + .body + .counters + .queue + .answer - .all | fabs) < 0.001)' "$work/demo.json"
check "bin/demo --trace: says where they spent their time" has out 'until its handler runs'
check "bin/demo: the table has both" has out 'rseq4j.*jdk'
JAVA_OPTS=-Drseq4j.registration=none run 240 bin/demo --seconds 2 --compare rseq4j,jdk+queue=slice,jdk+pool=rseq4j --rates 50 \
  --connections 8 --json "$work/demo.json"
check "bin/demo of three sides, without rseq: status 0" equal "$status" 0
check "bin/demo of three sides, without rseq: three checks, all true" json "$conserved" "$work/demo.json"
check "bin/demo of three sides, without rseq: all were run" json '.structures | length == 3' "$work/demo.json"

# Other servers on the demo's harness.
for server in jetty netty helidon; do
  run 240 bin/demo --server $server --seconds 2 --rates 50 --connections 8 --json "$work/server.json"
  check "bin/demo --server $server: status 0" equal "$status" 0
  check "bin/demo --server $server: both sides answered, and all is counted" json \
    '([.structures[].requests] | length == 2 and all(.[]; . > 0)) and (.checks | length > 0 and all(.[]; . == true))' "$work/server.json"
done

# A port that somebody holds.
port=$((20000 + RANDOM % 10000))
bin/demo --seconds 60 --port $port --json "$work/long.json" > "$work/long.out" 2> "$work/long.err" < /dev/null &
demo=$!
for _ in $(seq 100); do
  curl -sf "http://127.0.0.1:$port/metrics" > "$work/out" 2> "$work/err" && break
  sleep 0.2
done
curl -sf "http://127.0.0.1:$port/" > "$work/out" 2> "$work/err"
check "bin/demo: / is a page" has out '<!DOCTYPE html>'
for _ in $(seq 100); do
  curl -sf "http://127.0.0.1:$port/live?from=0" > "$work/live.json" && json '.points | length > 0' "$work/live.json" > /dev/null && break
  sleep 0.2
done
check "bin/demo: /live has points and both sides" json \
  '(.points | length > 0 and all(.[]; .rate > 0 and .p50 <= .p999)) and ([.sides[].name] == ["rseq4j", "jdk"])' "$work/live.json"
curl -sf "http://127.0.0.1:$port/metrics" > "$work/out" 2> "$work/err"
check "bin/demo: /metrics counts requests" has out '^rseq4j_demo_requests_total.structures="rseq4j". [1-9]'
check "bin/demo: the page's charts are served" curl -sf -o /dev/null "http://127.0.0.1:$port/chart.js"
run 60 bin/demo --seconds 2 --port $port
check "bin/demo on a port in use: status 1" equal "$status" 1
check "bin/demo on a port in use: says so" has err "port $port is in use"

# Ctrl-C ends it with the report of what ran so far. (A job in the background ignores SIGINT, so one with its own is made.)
kill -TERM $demo 2> /dev/null
wait $demo 2> /dev/null
rm -f "$work/long.json"
# It is sent when the server answers to the load of a measured round.
bash -c 'set -m; env --default-signal=INT bin/demo --seconds 60 --port "$2" --json "$1" & for _ in $(seq 900); do
    grep -q "^saturation" "$3" && break; sleep 0.1; done; sleep 2; kill -INT -- -$!; wait $!' \
  - "$work/long.json" $port "$work/err" \
  > "$work/out" 2> "$work/err" < /dev/null
status=$?
check "bin/demo, Ctrl-C: the report of what ran so far" json "$conserved and .interrupted == true" "$work/long.json"
check "bin/demo, Ctrl-C: the table is printed" has out 'requests'
check "bin/demo, Ctrl-C: status 130" equal "$status" 130

echo "$passed passed, $failed failed"
exit $((failed > 0))
