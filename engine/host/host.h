/* The boundary across which an engine of one release is driven by a host of another: a table of C
 * functions. Everything else is bytes: Protobuf messages of host.proto. Frozen with release 0.1.0:
 * from then on the table grows at its end, and the messages by new fields, and nothing else changes.
 *
 * The host tells an engine what happened (step) and carries out what it asks for; see the README
 * beside this file. No function blocks, keeps a thread, calls back or touches the outside world.
 *
 * Threads. An engine is used by one thread at a time; different engines are independent. A view is
 * immutable: any number of threads may use one at once, also after its engine is gone.
 *
 * Memory. What is passed in is borrowed for the length of the call. What is passed out belongs to
 * the host and is given back through the same table, by the function that is named beside its type.
 * Nothing else of one side may be freed by the other: two releases share no allocator.
 *
 * Failure. Functions that can fail return 0 for success, else a code of drover_code, and then write
 * a text into `error` (which may be NULL). On failure nothing is written to any other output, and
 * the engine is as it was before, with one exception: after DROVER_INTERNAL from step() its state
 * is not known, and it refuses everything but digest, status and destroy. No C++ exception leaves a
 * function, and no bytes, however damaged, end the process.
 */
#ifndef DROVER_ENGINE_HOST_H
#define DROVER_ENGINE_HOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DROVER_ABI_VERSION 1u

#if defined(__GNUC__)
#define DROVER_EXPORT __attribute__((visibility("default")))
#else
#define DROVER_EXPORT
#endif

enum drover_kind { DROVER_SERVER = 1, DROVER_CLIENT = 2 };

/* The numbers of drover::Errc (engine/base/result.hpp); more may be added. */
enum drover_code {
    DROVER_OK = 0,
    DROVER_INVALID_ARGUMENT = 1, /* bytes that are no message, or values that cannot be */
    DROVER_CORRUPT = 10,         /* what was stored is damaged: the text says where and what to do */
    DROVER_UNSUPPORTED = 11,     /* not offered by this release or by this kind of engine */
    DROVER_INTERNAL = 12         /* out of memory, or a bug of the engine */
};

typedef struct drover_engine drover_engine; /* destroy */
typedef struct drover_view drover_view;     /* release_view */

/* Borrowed during the call. `data` may be NULL where `size` is 0. */
typedef struct {
    const char* data;
    size_t size;
} drover_bytes;

/* Belongs to the receiver: free_buffer. Ends with a zero byte that `size` does not count. */
typedef struct {
    char* data;
    size_t size;
} drover_buffer;

/* What one step asks for: free_step. A host that keeps a view sets its place to NULL before and
 * releases it itself later. */
typedef struct {
    drover_buffer effects; /* Effects */
    drover_view** views;   /* effects name them by position */
    size_t view_count;
} drover_step;

typedef struct {
    uint32_t abi_version; /* DROVER_ABI_VERSION of the release that made the table */
    uint32_t table_size;  /* bytes of this table; a later release's may be longer */
    const char* release;  /* "0.1.0"; lives as long as the library */

    /* An engine from its configuration and from what its disk holds: `create` is Create, `created`
     * becomes Created, which says what to repair before the first step. */
    int32_t (*create)(uint32_t kind, drover_bytes create, drover_engine** engine,
                      drover_buffer* created, drover_buffer* error);
    /* `inputs` is Inputs. All of them happened, in this order, or the call fails and none did. */
    int32_t (*step)(drover_engine* engine, drover_bytes inputs, drover_step* out,
                    drover_buffer* error);
    /* When to call step() at the latest, in nanoseconds on the host's time line. Returns 1 and
     * writes `at`, or 0 where nothing is pending. */
    int32_t (*next_deadline)(const drover_engine* engine, int64_t* at);
    /* An independent engine in the same situation. */
    int32_t (*copy)(const drover_engine* engine, drover_engine** out, drover_buffer* error);
    /* A server's Digest: equal for equal states at equal index, in every release. */
    int32_t (*digest)(const drover_engine* engine, drover_buffer* out, drover_buffer* error);
    /* Status: for checkers and status pages. */
    int32_t (*status)(const drover_engine* engine, drover_buffer* out, drover_buffer* error);
    /* What a server has applied, to be asked with query(). */
    int32_t (*view)(const drover_engine* engine, drover_view** out, drover_buffer* error);
    void (*destroy)(drover_engine* engine); /* NULL is let be */

    /* The Response to the Request `request`. A view of answer_query knows what was asked: there
     * `request` may be empty. */
    int32_t (*query)(const drover_view* view, drover_bytes request, drover_buffer* out,
                     drover_buffer* error);
    /* Of a view of compute_plan: the bytes for plan_computed. */
    int32_t (*plan)(const drover_view* view, drover_buffer* out, drover_buffer* error);
    /* Of a view of save_snapshot: the bytes of the file. */
    int32_t (*write_snapshot)(const drover_view* view, drover_buffer* out, drover_buffer* error);
    void (*release_view)(drover_view* view); /* NULL is let be */

    void (*free_buffer)(drover_buffer* buffer); /* and empties it: twice is harmless */
    void (*free_step)(drover_step* step); /* the effects, the array, and the views still in it */
} drover_engine_table;

/* The one exported function. The table lives as long as the library. */
DROVER_EXPORT const drover_engine_table* drover_engine_table_v1(void);

#ifdef __cplusplus
}
#endif

#endif
