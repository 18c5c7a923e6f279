/* cc sample_png.c -I$TF/include -L$TF -Wl,-rpath,$TF -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2
   where TF=$(python -c "import tensorflow as tf; print(tf.sysconfig.get_lib())") */
#include <stdio.h>
#include <stdlib.h>
#include "tensorflow/c/c_api.h"

int main(int argc, char** argv) {
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  const char* tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(
      TF_NewSessionOptions(), NULL, argv[1], tags, 1, graph, NULL, status);
  if (TF_GetCode(status) != TF_OK) return fprintf(stderr, "%s\n", TF_Message(status)), 1;

  int64_t two = 2;
  TF_Tensor* given[] = {TF_AllocateTensor(TF_INT32, NULL, 0, 4),
                        TF_AllocateTensor(TF_INT32, &two, 1, 8)};
  *(int*)TF_TensorData(given[0]) = atoi(argv[3]);
  for (int i = 0; i < 2; i++) ((int*)TF_TensorData(given[1]))[i] = atoi(argv[4 + i]);
  TF_Output inputs[] = {{TF_GraphOperationByName(graph, "sample_png_count"), 0},
                        {TF_GraphOperationByName(graph, "sample_png_seed"), 0}};
  TF_Output png = {TF_GraphOperationByName(graph, argv[2]), 0};
  TF_Tensor* made;
  TF_SessionRun(session, NULL, inputs, given, 2, &png, &made, 1, NULL, 0, NULL, status);
  if (TF_GetCode(status) != TF_OK) return fprintf(stderr, "%s\n", TF_Message(status)), 1;

  for (int i = 0; i < TF_Dim(made, 0); i++) {
    char name[32];
    snprintf(name, sizeof name, "image_%d.png", i);
    TF_TString* file = (TF_TString*)TF_TensorData(made) + i;
    FILE* out = fopen(name, "wb");
    fwrite(TF_TString_GetDataPointer(file), 1, TF_TString_GetSize(file), out);
    fclose(out);
  }
  return 0;
}
