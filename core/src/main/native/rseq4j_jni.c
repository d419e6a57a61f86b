/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Java before 22 calls this library: the native methods of its class org.rseq4j.internal.linux.NativeCalls, which
 * take the address of the function to call. It may be in another copy of this library, the one that the whole process
 * shares. From Java 22 on nothing here runs.
 *
 * Every argument is passed as 64 bits, which is how both machines' calling conventions pass a narrower integer, too: in
 * a register or a stack slot of its own, whose upper half the callee does not look at. Nor does Java at that of a
 * narrower result.
 */
#include <string.h>

#include "rseq4j_jni.h"
#include "rseq4j_thread.h"

#define JNI_VERSION 0x000A0000 /* 10 */

/* How many words one call moves at most, as in rseq4j_sequences.c. */
#define MOST 256

/* ---- Functions by their names ---- */

#define FUNCTIONS(ONE) \
    ONE(probe) ONE(configure) ONE(attach) ONE(current) ONE(area) ONE(empty) ONE(records) ONE(try) ONE(slice_yield) \
    ONE(membarrier) ONE(map) ONE(unmap) ONE(discard) ONE(populate) ONE(huge_pages) ONE(window) \
    ONE(check_aborts) ONE(drain) SEQUENCES(ONE, ) SEQUENCES(ONE, _wide)
#define SEQUENCES(ONE, SUFFIX) \
    ONE(add##SUFFIX) ONE(compare_and_store##SUFFIX) ONE(swap##SUFFIX) ONE(push##SUFFIX) ONE(pop##SUFFIX) \
    ONE(pop_word##SUFFIX) ONE(push_many##SUFFIX) ONE(pop_many##SUFFIX) ONE(summarize##SUFFIX)

#define DECLARE(NAME) extern const char at_##NAME[] __asm__("rseq4j_" #NAME);
#define ENTRY(NAME) { "rseq4j_" #NAME, at_##NAME },
FUNCTIONS(DECLARE)

/* 0 when there is none. */
static int64_t JNICALL address(JNIEnv *env, jclass class, jstring name)
{
    (void) class;
    static const struct {
        const char *name;
        const void *address;
    } all[] = { FUNCTIONS(ENTRY) };
    const char *wanted = (*env)->GetStringUTFChars(env, name, NULL);
    const void *found = NULL;
    for (size_t i = 0; wanted && !found && i < sizeof all / sizeof all[0]; i++) {
        found = strcmp(wanted, all[i].name) == 0 ? all[i].address : NULL;
    }
    if (wanted) {
        (*env)->ReleaseStringUTFChars(env, name, wanted);
    }
    return (int64_t) found;
}

/* ---- Calls ---- */

typedef int64_t words_0(void), words_1(int64_t), words_2(int64_t, int64_t), words_3(int64_t, int64_t, int64_t),
    words_5(int64_t, int64_t, int64_t, int64_t, int64_t),
    words_6(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t),
    words_7(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t);

static int64_t JNICALL call_0(JNIEnv *env, jclass class, int64_t f)
{
    (void) env, (void) class;
    return ((words_0 *) f)();
}

static int64_t JNICALL call_1(JNIEnv *env, jclass class, int64_t f, int64_t a)
{
    (void) env, (void) class;
    return ((words_1 *) f)(a);
}

static int64_t JNICALL call_2(JNIEnv *env, jclass class, int64_t f, int64_t a, int64_t b)
{
    (void) env, (void) class;
    return ((words_2 *) f)(a, b);
}

static int64_t JNICALL call_3(JNIEnv *env, jclass class, int64_t f, int64_t a, int64_t b, int64_t c)
{
    (void) env, (void) class;
    return ((words_3 *) f)(a, b, c);
}

static int64_t JNICALL call_5(JNIEnv *env, jclass class, int64_t f, int64_t a, int64_t b, int64_t c, int64_t d,
                              int64_t e)
{
    (void) env, (void) class;
    return ((words_5 *) f)(a, b, c, d, e);
}

static int64_t JNICALL call_6(JNIEnv *env, jclass class, int64_t f, int64_t a, int64_t b, int64_t c, int64_t d,
                              int64_t e, int64_t g)
{
    (void) env, (void) class;
    return ((words_6 *) f)(a, b, c, d, e, g);
}

/* Swap and pop, whose last argument is where a word goes. Nothing here can fail once the word was taken. */
static int64_t JNICALL call_for_word(JNIEnv *env, jclass class, int64_t f, int64_t a, int64_t b, int64_t c, int64_t d,
                                     int64_t e, jlongArray word)
{
    (void) class;
    int64_t out = 0;
    int64_t result = ((words_6 *) f)(a, b, c, d, e, (int64_t) &out);
    if ((int32_t) result >= 0) {
        (*env)->SetLongArrayRegion(env, word, 0, 1, &out);
    }
    return result;
}

static int64_t few(int64_t n)
{
    return n < 0 ? 0 : n < MOST ? n : MOST;
}

static int64_t JNICALL push_many(JNIEnv *env, jclass class, int64_t f, int64_t a, int64_t b, int64_t c, int64_t d,
                                 int64_t capacity, jlongArray words, int32_t from, int64_t n)
{
    (void) class;
    int64_t copy[MOST];
    (*env)->GetLongArrayRegion(env, words, from, (int32_t) few(n), copy);
    return ((words_7 *) f)(a, b, c, d, capacity, (int64_t) copy, few(n));
}

static int64_t JNICALL pop_many(JNIEnv *env, jclass class, int64_t f, int64_t a, int64_t b, int64_t c, int64_t d,
                                int64_t capacity, jlongArray words, int32_t from, int64_t n)
{
    (void) class;
    int64_t copy[MOST];
    int64_t result = ((words_7 *) f)(a, b, c, d, capacity, (int64_t) copy, few(n));
    if (result > 0) {
        (*env)->SetLongArrayRegion(env, words, from, (int32_t) (result >> 32), copy);
    }
    return result;
}

/* How many, or what the function says instead: INT64_MIN, -errno. */
static int64_t JNICALL drain(JNIEnv *env, jclass class, int64_t f, int64_t stack, int64_t capacity, int64_t cpu,
                             jlongArray words, int32_t most)
{
    (void) class;
    int64_t copy[MOST];
    int64_t taken = ((words_5 *) f)(stack, capacity, cpu, (int64_t) copy, few(most));
    if (taken > 0) {
        (*env)->SetLongArrayRegion(env, words, 0, (int32_t) taken, copy);
    }
    return taken;
}

static jobject JNICALL buffer(JNIEnv *env, jclass class, int64_t address, int64_t size)
{
    (void) class;
    return (*env)->NewDirectByteBuffer(env, (void *) address, size);
}

/* ---- Loading ---- */

static const struct jni_method methods[] = {
    { "address", "(Ljava/lang/String;)J", address },
    { "call", "(J)J", call_0 },
    { "call", "(JJ)J", call_1 },
    { "call", "(JJJ)J", call_2 },
    { "call", "(JJJJ)J", call_3 },
    { "call", "(JJJJJJ)J", call_5 },
    { "call", "(JJJJJJJ)J", call_6 },
    { "callForWord", "(JJJJJJ[J)J", call_for_word },
    { "pushMany", "(JJJJJJ[JIJ)J", push_many },
    { "popMany", "(JJJJJJ[JIJ)J", pop_many },
    { "drain", "(JJJJ[JI)J", drain },
    { "buffer", "(JJ)Ljava/nio/ByteBuffer;", buffer },
};

/* Which class loads this, "/" for ".", stands in a security property meanwhile: a shaded copy has another name. */
static jclass caller(JNIEnv *env)
{
    jclass security = (*env)->FindClass(env, "java/security/Security");
    jmethodID get = security ? (*env)->GetStaticMethodID(env, security, "getProperty",
                                                         "(Ljava/lang/String;)Ljava/lang/String;") : NULL;
    jstring property = get ? (*env)->NewStringUTF(env, "rseq4j.loading") : NULL;
    jvalue argument = { .l = property };
    jstring name = property ? (*env)->CallStaticObjectMethodA(env, security, get, &argument) : NULL;
    if ((*env)->ExceptionCheck(env)) {
        return NULL; /* System.load throws it */
    }
    const char *chars = name ? (*env)->GetStringUTFChars(env, name, NULL) : NULL;
    jclass found = chars ? (*env)->FindClass(env, chars) : NULL;
    if (chars) {
        (*env)->ReleaseStringUTFChars(env, name, chars);
    }
    return found;
}

EXPORT int32_t JNICALL JNI_OnLoad(JavaVM *vm, void *reserved)
{
    (void) reserved;
    JNIEnv *env;
    if ((*vm)->GetEnv(vm, (void **) &env, JNI_VERSION) != 0) {
        return -1;
    }
    jclass class = caller(env);
    return class && (*env)->RegisterNatives(env, class, methods, sizeof methods / sizeof methods[0]) == 0
        ? JNI_VERSION : -1;
}
