/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few functions of the Java Native Interface that rseq4j_jni.c calls, by their places in the interface function
 * table, which its specification fixes for good (Java Native Interface Specification, chapters 4 "JNI Functions" and 5
 * "The Invocation API"). So the build needs no JDK's headers, also not for another machine.
 */
#ifndef RSEQ4J_JNI_H
#define RSEQ4J_JNI_H

#include <stdint.h>

#define JNICALL

typedef void *jobject;
typedef jobject jclass, jstring, jlongArray;
typedef struct jni_method_id *jmethodID;
typedef union { jobject l; int64_t j; } jvalue;

struct jni_method {
    const char *name;
    const char *signature;
    void *function;
};

typedef const struct jni_functions *JNIEnv;
typedef const struct jni_invocation *JavaVM;

struct jni_functions {
    void *before_find_class[6];
    jclass (*FindClass)(JNIEnv *, const char *name);                                                    /* 6 */
    void *before_get_static_method[113 - 7];
    jmethodID (*GetStaticMethodID)(JNIEnv *, jclass, const char *name, const char *signature);          /* 113 */
    void *before_call_static[116 - 114];
    jobject (*CallStaticObjectMethodA)(JNIEnv *, jclass, jmethodID, const jvalue *);                    /* 116 */
    void *before_new_string[167 - 117];
    jstring (*NewStringUTF)(JNIEnv *, const char *);                                                    /* 167 */
    void *get_string_length;                                                                            /* 168 */
    const char *(*GetStringUTFChars)(JNIEnv *, jstring, uint8_t *is_copy);                              /* 169 */
    void (*ReleaseStringUTFChars)(JNIEnv *, jstring, const char *);                                     /* 170 */
    void *before_get_region[204 - 171];
    void (*GetLongArrayRegion)(JNIEnv *, jlongArray, int32_t start, int32_t n, int64_t *to);            /* 204 */
    void *before_set_region[212 - 205];
    void (*SetLongArrayRegion)(JNIEnv *, jlongArray, int32_t start, int32_t n, const int64_t *from);    /* 212 */
    void *before_register[215 - 213];
    int32_t (*RegisterNatives)(JNIEnv *, jclass, const struct jni_method *, int32_t n);                 /* 215 */
    void *before_exception_check[228 - 216];
    uint8_t (*ExceptionCheck)(JNIEnv *);                                                                /* 228 */
    jobject (*NewDirectByteBuffer)(JNIEnv *, void *address, int64_t capacity);                          /* 229 */
};
_Static_assert(sizeof(struct jni_functions) == 230 * sizeof(void *), "the table has one pointer for each function");

struct jni_invocation {
    void *before_get_env[6];
    int32_t (*GetEnv)(JavaVM *, void **env, int32_t version);                                           /* 6 */
};

#endif
