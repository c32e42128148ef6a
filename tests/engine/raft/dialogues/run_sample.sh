#!/bin/sh
# run_sample.sh TOOL FOLDER: runs the scripts of etcd-io/raft in FOLDER, or in the one that
# DROVER_RAFT_DIALOGUES names, at the level that compares messages. Exits 77, which the test suite
# takes as skipped, where there are none.
tool=$1
folder=${DROVER_RAFT_DIALOGUES:-$2}
set --
for kind in interaction confchange quorum; do
    for file in "$folder/$kind"/*.txt; do
        [ -f "$file" ] && set -- "$@" "$file"
    done
done
if [ $# -eq 0 ]; then
    echo "skipped: no scripts under $folder; set DROVER_RAFT_DIALOGUES to the folder that has them"
    exit 77
fi
exec "$tool" --level L2 "$@"
